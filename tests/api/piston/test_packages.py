"""Piston v2: packages listed, installed and uninstalled, on the real engine."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.images.change import remove_unused
from tests.support.containers import our_containers
from tests.support.piston import call, execute, message, package, request, run, write_catalogue
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN
from tests.support.waiting import wait_until
from tests.support.workers import only, workers

pytestmark = pytest.mark.engine

PREFIX = "test-v2-"
PATH = "/api/v2/packages"
TOOL = {"language": "tool", "version": "*"}


def tool(name: str, build: str, version: str) -> dict[str, Any]:
    language = {"name": name, "aliases": [f"{name}-alias"], "run": "sh %s"}
    return package(name, PREFIX + build) | {
        "version": version,
        "version_command": "cat /version",
        "languages": [language],
    }


def folder(images: Path, name: str, *steps: str) -> None:
    (images / (PREFIX + name)).mkdir()
    lines = ["FROM bitrun/base", *steps, ""]
    (images / (PREFIX + name) / "Dockerfile").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A catalogue of small packages; what the images hold differs a little from what it says."""
    images = tmp_path_factory.mktemp("images")
    for name in ("debian", "base", "toolchain", "supervisor"):
        shutil.copytree(Settings().images / name, images / name)
    folder(images, "one", "RUN sleep 1", "RUN echo 1.0.3 >/version")
    folder(images, "two", "RUN echo 2.0.5 >/version")
    steps = "for n in 1 2 3; do echo line $n; done; echo to stderr >&2; exit 3"
    folder(images, "broken", "RUN echo 1.0.0 >/version", f"RUN {steps}")
    folder(images, "silent", "RUN touch /version")
    folder(images, "slow", "RUN echo 1.0.0 >/version", "RUN sleep 60")
    languages = write_catalogue(
        images,
        tool("tool", "one", "1.0.0"),
        tool("tool", "two", "2.0.0"),
        tool("broken", "broken", "1.0.0"),
        tool("silent", "silent", "1.0.0"),
        tool("slow", "slow", "1.0.0"),
        package("shell", "bash"),
    )
    return {"images": images, "languages": languages}


@pytest.fixture(autouse=True)
def clean(docker_client: docker.APIClient) -> Iterator[None]:
    """Take what a test has installed off the engine."""
    yield
    assert wait_until(lambda: remove_tags(docker_client), 15)


def remove_tags(client: docker.APIClient) -> bool:
    tags = [
        tag
        for image in client.images(filters={"label": "bitrun.source"})
        for tag in image["RepoTags"] or ()
        if PREFIX in tag
    ]
    for tag in tags:
        # The engine fails with 500 if a service removes images at the same moment.
        with suppress(docker.errors.APIError):
            client.remove_image(tag, force=True)
    return not tags


@pytest.fixture
def killed(docker_client: docker.APIClient) -> Iterator[None]:
    """Remove what a killed service has left of a build; other services do it a day later."""

    def in_use() -> set[str]:
        images = docker_client.images(filters={"label": "bitrun.source"})
        return {tag for image in images for tag in image["RepoTags"] or () if ":in-use-" in tag}

    before = in_use()
    yield
    for name in in_use() - before:
        docker_client.remove_image(name)
    engine = Engine()
    assert wait_until(lambda: remove_unused(engine), 15)
    engine.close()


@pytest.fixture(scope="module")
def service(settings: dict[str, Any]) -> Iterator[Server]:
    server = Server({f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()})
    yield server
    server.stop()


@pytest.fixture
def two_workers(serve: Callable[..., Server], settings: dict[str, Any]) -> Server:
    server = serve(**settings, workers=2)
    assert wait_until(lambda: len(workers(server)) == 2, 10)
    return server


def install(server: Server, language: Any = "tool", version: Any = "*") -> requests.Response:
    return call(server, "POST", PATH, {"language": language, "version": version})


def uninstall(server: Server, language: Any = "tool", version: Any = "*") -> requests.Response:
    return call(server, "DELETE", PATH, {"language": language, "version": version})


def listed(server: Server) -> list[tuple[str, str, bool]]:
    found = call(server, "GET", PATH).json()
    keys = {"language", "language_version", "installed", "libraries"}
    assert all(each.keys() == keys for each in found)
    return [
        (each["language"], each["language_version"], each["installed"])
        for each in found
        if each["language"] != "shell"
    ]


def runtimes(server: Server) -> list[tuple[str, str]]:
    found = call(server, "GET", "/api/v2/runtimes").json()
    return [(each["language"], each["version"]) for each in found if each["language"] != "shell"]


def all_images(docker_client: docker.APIClient) -> set[str]:
    """Every image, those without a name included."""
    return set(docker_client.images(all=True, quiet=True))


def test_from_the_list_to_a_run_and_back(service: Server) -> None:
    others = [("broken", "1.0.0", False), ("silent", "1.0.0", False), ("slow", "1.0.0", False)]
    missing = [("tool", "1.0.0", False), ("tool", "2.0.0", False)]
    assert listed(service) == missing + others
    assert runtimes(service) == []
    assert execute(service, request("tool", "echo")).status_code == 400

    reply = install(service)
    assert (reply.status_code, reply.json()) == (200, {"language": "tool", "version": "2.0.5"})
    assert reply.headers["Content-Type"] == "application/json"
    assert listed(service) == [missing[0], ("tool", "2.0.5", True), *others]
    assert runtimes(service) == [("tool", "2.0.5")]
    assert run(service, "tool-alias", "cat /version")["stdout"] == "2.0.5\n"

    assert install(service, version="1.x").json() == {"language": "tool", "version": "1.0.3"}
    assert runtimes(service) == [("tool", "1.0.3"), ("tool", "2.0.5")]
    assert run(service, "tool", "cat /version", version="1.0.3")["stdout"] == "1.0.3\n"
    assert run(service, "tool", "cat /version")["stdout"] == "2.0.5\n"

    # A range means the newest of those that are installed.
    for version in ("2.0.5", "1.0.3"):
        reply = uninstall(service)
        assert (reply.status_code, reply.json()) == (200, {"language": "tool", "version": version})
    assert listed(service) == missing + others
    assert runtimes(service) == []
    text = "tool-* runtime is unknown"
    assert message(execute(service, request("tool", "echo"))) == text


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"language": "nothing", "version": "*"}, "nothing-*"),
        ({"language": "tool", "version": "3"}, "tool-3"),
        ({"language": "tool", "version": "latest"}, "tool-latest"),
        ({"language": "tool-alias", "version": "*"}, "tool-alias-*"),
        ({"language": "Tool", "version": "*"}, "Tool-*"),
        ({"language": "tool"}, "tool-undefined"),
        ({"version": "*"}, "undefined-*"),
        ({}, "undefined-undefined"),
        ([], "undefined-undefined"),
        (b"", "undefined-undefined"),
        ({"language": 5, "version": 1.5}, "5-1.5"),
        ({"language": None, "version": True}, "undefined-true"),
    ],
)  # fmt: skip
def test_a_package_that_does_not_exist(
    service: Server, method: str, body: object, text: str
) -> None:
    reply = call(service, method, PATH, body)
    expected = (404, f"Requested package {text} does not exist")
    assert (reply.status_code, message(reply)) == expected


def test_installed_already_or_not_at_all(service: Server) -> None:
    reply = uninstall(service, version="1.x || 2")
    assert (reply.status_code, message(reply)) == (500, "tool-1.x || 2 is not installed")
    assert install(service).status_code == 200
    for version in ("*", "2.0.5", "^2"):
        reply = install(service, version=version)
        assert (reply.status_code, message(reply)) == (500, "Already installed")
    reply = uninstall(service, version="1.x")
    assert (reply.status_code, message(reply)) == (500, "tool-1.x is not installed")
    assert uninstall(service).status_code == 200
    reply = uninstall(service)
    assert (reply.status_code, message(reply)) == (500, "tool-* is not installed")


def built(client: docker.APIClient, since: float) -> list[str]:
    """Name the images that were built since then, each as often as it was."""
    events: Iterator[Any] = client.events(
        since=int(since), until=int(time.time()) + 1, filters={"event": "tag"}, decode=True
    )
    names = (event["Actor"]["Attributes"]["name"] for event in events)
    tags = (f"bitrun/{PREFIX}one:latest", f"bitrun/{PREFIX}one:unsealed")
    return sorted(name for name in names if name in tags)


@pytest.mark.parametrize("count", [1, 2])
def test_two_installs_at_once_build_once(
    serve: Callable[..., Server],
    settings: dict[str, Any],
    docker_client: docker.APIClient,
    count: int,
) -> None:
    """Two services stand for two workers, of which one might answer both requests."""
    servers = [serve(**settings) for _ in range(count)]
    since = time.time()
    with ThreadPoolExecutor(2) as pool:
        replies = pool.map(lambda server: install(server, version="1"), (servers[0], servers[-1]))
    for reply in replies:
        assert (reply.status_code, reply.json()) == (200, {"language": "tool", "version": "1.0.3"})
    images = [f"bitrun/{PREFIX}one:latest", f"bitrun/{PREFIX}one:unsealed"]
    assert built(docker_client, since) == images


def test_a_build_that_fails(service: Server, docker_client: docker.APIClient) -> None:
    before = all_images(docker_client)
    reply = install(service, "broken")
    assert reply.status_code == 500
    for line in ("line 1", "line 2", "line 3", "to stderr"):
        assert f"\n{line}\n" in message(reply)
    assert "returned a non-zero code: 3" in message(reply)
    assert ("broken", "1.0.0", False) in listed(service)
    assert all_images(docker_client) == before
    reply = install(service, "silent")
    assert reply.status_code == 500
    assert message(reply) == "silent: its version_command prints nothing"
    assert ("silent", "1.0.0", False) in listed(service)


def stream_of(server: Server, language: str = "tool", version: str = "*") -> requests.Response:
    body = {"language": language, "version": version}
    accept = {"Accept": "application/x-ndjson"}
    return call(server, "POST", PATH, body, headers=accept, stream=True)


def test_a_build_and_its_end(service: Server) -> None:
    with stream_of(service, version="1.x") as reply:
        assert reply.status_code == 200
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        answers = list(map(json.loads, reply.iter_lines()))
    assert answers[-1] == {"language": "tool", "version": "1.0.3"}
    assert answers[0] == {"line": "Installing tool 1.0.0"}
    assert all(isinstance(each["line"], str) for each in answers[:-1])
    steps = [(each["step"], each["steps"]) for each in answers if "step" in each]
    # Each label is a step, too.
    assert steps[:5] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert steps[-1] == (16, 16)
    assert ("tool", "1.0.3", True) in listed(service)


@pytest.mark.usefixtures("killed")
def test_a_build_as_it_goes(serve: Callable[..., Server], settings: dict[str, Any]) -> None:
    server = serve(**settings)
    with stream_of(server, "slow") as reply:
        lines = reply.iter_lines()
        assert any(b"RUN sleep 60" in line for line in lines)
        os.killpg(server.process.pid, signal.SIGKILL)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(lines)


def test_a_stream_is_refused_as_the_plain_call_is(service: Server) -> None:
    reply = stream_of(service, "nothing")
    assert (reply.status_code, message(reply)) == (
        404,
        "Requested package nothing-* does not exist",
    )
    assert install(service).status_code == 200
    reply = stream_of(service)
    assert (reply.status_code, message(reply)) == (500, "Already installed")


def test_a_stream_of_a_build_that_fails(service: Server) -> None:
    with stream_of(service, "broken") as reply:
        *answers, last = map(json.loads, reply.iter_lines())
    assert last.keys() == {"message"}
    assert "returned a non-zero code: 3" in last["message"]
    assert {"line": "line 3"} in answers


def test_a_build_goes_on_without_who_asked_for_it(service: Server) -> None:
    with stream_of(service, version="1.x") as reply:
        assert next(reply.iter_lines())
    assert wait_until(lambda: ("tool", "1.0.3", True) in listed(service), 60)


@pytest.mark.usefixtures("killed")
def test_an_interrupted_install(
    serve: Callable[..., Server], settings: dict[str, Any], docker_client: docker.APIClient
) -> None:
    """The service dies at once, in the middle of the build."""

    def building() -> Any:
        return docker_client.containers(filters={"ancestor": "bitrun/base"})

    service = serve(**settings)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(install, service, "slow")
        assert wait_until(building, 10)
        os.killpg(service.process.pid, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            reply.result()
    assert wait_until(lambda: not building(), 15)
    assert ("slow", "1.0.0", False) in listed(serve(**settings))
    assert not [
        tag
        for image in docker_client.images(all=True)
        for tag in image["RepoTags"] or ()
        if PREFIX in tag
    ]


@pytest.mark.parametrize("pool_size", [0, 3])
def test_a_run_whose_package_is_uninstalled_ends_well(
    serve: Callable[..., Server],
    settings: dict[str, Any],
    docker_client: docker.APIClient,
    pool_size: int,
) -> None:
    before = all_images(docker_client)
    service = serve(**settings, pool_size=pool_size)
    assert install(service).status_code == 200

    def runs() -> bool:
        running = 'bitrun_pool_boxes{state="running"} 1.0' in service.get("/metrics").text
        return running and bool(our_containers(docker_client))

    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(run, service, "tool", "sleep 2; cat /version; echo done")
        assert wait_until(runs, 10)
        time.sleep(0.5)
        assert uninstall(service).json() == {"language": "tool", "version": "2.0.5"}
        assert runtimes(service) == []
        assert not sleeper.done()
        assert sleeper.result()["stdout"] == "2.0.5\ndone\n"
    # Its image goes with the last box that stood on it.
    assert wait_until(lambda: all_images(docker_client) == before, 5)


def test_no_restart_is_needed_in_any_worker(two_workers: Server) -> None:
    first, second = workers(two_workers)
    for installer, remover in ((first, second), (second, first)):
        with only(two_workers, installer):
            assert runtimes(two_workers) == []
            assert install(two_workers).status_code == 200
            # The client that installed it can use it at once.
            assert runtimes(two_workers) == [("tool", "2.0.5")]
            assert run(two_workers, "tool", "echo 1")["stdout"] == "1\n"
        with only(two_workers, remover):
            assert wait_until(lambda: runtimes(two_workers) == [("tool", "2.0.5")], 1)
            assert run(two_workers, "tool", "echo 2")["stdout"] == "2\n"
            assert uninstall(two_workers).status_code == 200
            assert runtimes(two_workers) == []
        with only(two_workers, installer):
            assert wait_until(lambda: runtimes(two_workers) == [], 1)


def test_what_an_operator_does_is_seen_too(
    service: Server, docker_client: docker.APIClient
) -> None:
    assert install(service).status_code == 200
    docker_client.remove_image(f"bitrun/{PREFIX}two", force=True)
    assert wait_until(lambda: runtimes(service) == [], 1)


def test_building_holds_nobody_up(service: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        installing = pool.submit(install, service, "tool", "1")
        times = []
        while not installing.done():
            started = time.monotonic()
            assert run(service, "shell", "echo 1")["stdout"] == "1\n"
            times.append(time.monotonic() - started)
        assert installing.result().status_code == 200
    assert len(times) > 1
    assert min(times) < 1


def test_an_admin_installs_and_removes(
    serve: Callable[..., Server], settings: dict[str, Any]
) -> None:
    service = serve(**settings, api_tokens=RUN, admin_tokens=ADMIN)
    for token, status in ((None, 401), (RUN, 403), (ADMIN, 200)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for method in ("POST", "DELETE"):
            assert call(service, method, PATH, TOOL, headers=headers).status_code == status
