"""Sandboxes over HTTP: their life, their owners, their limits."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.sandboxes import PREFIX, HttpSandbox, create, sandbox
from tests.support.server import Server
from tests.support.services import Services
from tests.support.tokens import ADMIN, make
from tests.support.waiting import wait_until
from tests.support.wire import dial, post

ALICE, BOB = "alice-has-a-long-token", "bob-has-a-long-token-too"


@pytest.mark.also_engine
def test_files_and_background_processes_stay(server: Server) -> None:
    with sandbox(server, files=[{"name": "in.txt", "content": "five\n"}], env={"A": "1"}) as box:
        assert box.sh('wc -c <in.txt >out; cat out; echo "$A"') == "5\n1\n"
        pid = box.sh("sleep 600 >/dev/null 2>&1 & echo $!").strip()
        assert box.sh(f"kill -0 {pid} && cat out") == "5\n"


@pytest.mark.also_engine
def test_a_sandbox_says_what_it_is(server: Server) -> None:
    with sandbox(server, expires_after={"anchor": "last_active_at", "minutes": 3}) as box:
        found = box.call("GET").json()
        assert found.pop("created_at") <= found["last_active_at"] <= time.time() + 60
        assert found.pop("expires_at") == pytest.approx(found.pop("last_active_at") + 180)
        assert found.pop("version")
        assert found == {
            "id": box.id,
            "language": "bash",
            "package": "bash",
            "status": "running",
            "expires_after": {"anchor": "last_active_at", "minutes": 3},
            "memory": 256 << 20,
            "network_policy": {"type": "disabled"},
            "kernels": [],
        }
        listed = requests.get(f"{server.url}{PREFIX}", timeout=60).json()
        assert [each["id"] for each in listed] == [box.id]


@pytest.mark.also_engine
def test_nothing_is_left_of_a_deleted_one(
    server: Server, containers: Callable[[], set[str]]
) -> None:
    with sandbox(server) as box:
        box.sh("sleep 600 >/dev/null 2>&1 &")
        assert box.delete().json() == {"id": box.id, "deleted": True}
        answer = box.call("POST", "/exec", json={"command": "true"})
        assert answer.status_code == 410
        assert answer.json()["message"] == "The sandbox has ended: it was deleted"
    assert wait_until(lambda: not containers(), 20)


@pytest.mark.engine
@pytest.mark.attack(
    "program",
    "files that fill the memory of a sandbox",
    "the kernel kills what runs; the sandbox answers or says that its memory was full",
)
def test_files_that_fill_its_memory(server: Server) -> None:
    with sandbox(server, memory=32 << 20) as box:
        fill = "for n in 1 2 3 4 5 6; do head -c 10M /dev/zero >/dev/shm/$n; done"
        for _ in range(5):
            answer = box.call("POST", "/exec", json={"command": fill})
            if answer.status_code != 200:
                break
            assert answer.json()["verdict"] in ("ok", "exit", "memory", "signal")
        if answer.status_code == 410:
            assert answer.json()["message"] == (
                "The sandbox has ended: its memory, files included, was full"
            )
        else:
            assert answer.status_code in (200, 409)


def test_sandboxes_belong_to_a_client(services: Services) -> None:
    server = services.share(api_tokens=f"{ALICE},{BOB}")
    with sandbox(server, ALICE) as hers, sandbox(server, BOB) as his:
        assert HttpSandbox(server, hers.id, BOB).call("GET").status_code == 404
        stolen = HttpSandbox(server, hers.id, BOB)
        for method, path in (
            ("POST", "/exec"), ("POST", "/run"), ("GET", "/files"), ("PUT", "/files/a"),
            ("DELETE", "/files/a"), ("DELETE", ""),
        ):  # fmt: skip
            answer = stolen.call(method, path, json={"command": "true"})
            assert (answer.status_code, answer.json()["message"]) == (
                404,
                "There is no such sandbox",
            )
        headers = {"Authorization": f"Bearer {BOB}"}
        listed = requests.get(f"{server.url}{PREFIX}", headers=headers, timeout=60).json()
        assert [each["id"] for each in listed] == [his.id]
        hers.delete()
        # Not even that it has ended.
        assert stolen.call("GET").status_code == 404
    assert requests.get(f"{server.url}{PREFIX}", timeout=60).status_code == 401


def test_a_client_has_so_many_at_most(serve: Callable[..., Server]) -> None:
    server = serve(max_sandboxes_per_client=2, max_sandboxes=3, api_tokens=f"{ALICE},{BOB}")
    with sandbox(server, ALICE), sandbox(server, ALICE) as second:
        answer = create(server, ALICE)
        assert answer.status_code == 429
        assert answer.json()["message"] == (
            "At most 2 sandboxes of one client are possible: delete one first"
        )
        with sandbox(server, BOB):
            assert create(server, BOB).status_code == 503  # of all
            second.delete()
            with sandbox(server, ALICE):
                pass


def test_their_memory_is_bounded_together(serve: Callable[..., Server]) -> None:
    server = serve(sandbox_memory=100 << 20)
    with sandbox(server, memory=60 << 20):
        assert create(server, memory=60 << 20).status_code == 503
        with sandbox(server, memory=40 << 20):
            pass


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_sandboxes": 0}, "its BITRUN_MAX_SANDBOXES is 0"),
    ],
)
def test_a_service_without_them(
    serve: Callable[..., Server], settings: dict[str, int], sentence: str
) -> None:
    answer = create(serve(**settings))
    assert (answer.status_code, sentence in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"language": None}, "language is required"),
        ({"language": 5}, "language must be a string"),
        ({"language": "cobal"}, "No language is called cobal"),
        ({"package": "pyton"}, "No package pyton is installed"),
        ({"network_policy": {"type": "allowlist"}}, "Sandboxes have no network"),
        ({"network_policy": 1}, "Sandboxes have no network"),
        ({"memory": 5}, "memory must be from"),
        ({"memory": True}, "memory must be from"),
        ({"memory": 1 << 60}, "memory must be from"),
        ({"expires_after": 5}, "expires_after must be"),
        ({"expires_after": {"anchor": "created_at", "minutes": 5}}, "expires_after must be"),
        ({"expires_after": {"minutes": 0}}, "expires_after.minutes must be from 1 to 20"),
        ({"expires_after": {"minutes": 21}}, "expires_after.minutes must be from 1 to 20"),
        ({"env": {"A B": ""}}, "env can't have a variable A B"),
        ({"files": {}}, "files is required as an array"),
        ({"files": [{"name": "../a", "content": ""}]}, "must stay within the directory"),
    ],
)
def test_refusals(server: Server, fields: dict[str, Any], sentence: str) -> None:
    answer = create(server, **fields)
    assert (answer.status_code, sentence in answer.json()["message"]) == (400, True)


POLICY = {"type": "allowlist", "allowed_domains": ["pypi.org"]}


def test_only_some_clients_may_have_a_network(serve: Callable[..., Server], tmp_path: Path) -> None:
    tokens = {name: make(name, *more) for name, *more in (["alice"], ["bob", "--egress"])}
    file = tmp_path / "tokens"
    file.write_text("".join(line for _, line in tokens.values()))
    server = serve(egress="pypi.org", api_tokens_file=file, admin_tokens=ADMIN)
    refused = create(server, tokens["alice"][0], network_policy=POLICY)
    assert refused.status_code == 403
    assert "bitrun tokens create NAME --egress" in refused.json()["message"]
    other = POLICY | {"allowed_domains": ["pypi.org", "example.com"]}
    # Who may not have it learns nothing of what there is.
    assert create(server, tokens["alice"][0], network_policy=other).json() == refused.json()
    for token in (tokens["bob"][0], ADMIN):
        answer = create(server, token, network_policy=other)
        assert answer.status_code == 400
        assert answer.json()["message"] == (
            "allowed_domains: example.com is not among the hosts that are possible here: pypi.org"
        )
    with sandbox(server, tokens["alice"][0], network_policy={"type": "disabled"}):
        pass


@pytest.mark.parametrize(
    "policy",
    [
        "allowlist", {"type": "open"}, {"type": "allowlist"}, POLICY | {"allowed_domains": []},
        POLICY | {"allowed_domains": "pypi.org"}, POLICY | {"allowed_domains": [5]},
        POLICY | {"allowed_domains": ["pypi.org"] * 101},
    ],
)  # fmt: skip
def test_a_network_that_is_none(share: Callable[..., Server], policy: Any) -> None:
    answer = create(share(egress="pypi.org"), network_policy=policy)
    assert (answer.status_code, "network_policy must be" in answer.json()["message"]) == (400, True)


def test_without_a_proxy_nothing_is_created(
    share: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    """The engine of this test has no image of the proxy."""
    server = share(egress="pypi.org")
    answer = create(server, network_policy=POLICY)
    assert answer.status_code == 503
    assert answer.json()["message"].startswith("Programs have no network now")
    assert requests.get(f"{server.url}{PREFIX}", timeout=60).json() == []
    assert not containers()


def test_a_file_that_does_not_fit_leaves_no_sandbox(server: Server) -> None:
    answer = create(server, files=[{"name": "a/" + "n" * 300, "content": ""}])
    assert (answer.status_code, "too long a name" in answer.json()["message"]) == (400, True)
    assert requests.get(f"{server.url}{PREFIX}", timeout=60).json() == []


@pytest.mark.attack(
    "request", "clients that hang up while their sandbox is created", "nothing is left of it"
)
def test_one_who_hangs_up_gets_no_sandbox(serve: Callable[..., Server]) -> None:
    server = serve(pool_size=2)
    body = json.dumps({"language": "bash", "files": [{"name": "a", "content": "x"}]}).encode()
    for _ in range(3):
        with dial(server) as connection:
            connection.sendall(post(PREFIX, "application/json", body))
    counted = f'bitrun_http_requests_total{{method="POST",route="{PREFIX}",status="499"}} 3.0'
    assert wait_until(lambda: counted in server.get("/metrics").text, 20)
    assert requests.get(f"{server.url}{PREFIX}", timeout=60).json() == []


def test_unknown_fields_are_named(server: Server) -> None:
    answer = create(server, memmory=5)
    assert answer.json()["warnings"] == ["Unknown field: memmory; did you mean memory?"]
    HttpSandbox(server, answer.json()["id"]).delete()


@pytest.mark.also_engine
def test_the_end_of_the_service_ends_them(
    serve: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    server = serve(sandbox_idle=2)
    answer = create(server)
    box = HttpSandbox(server, answer.json()["id"])
    box.sh("sleep 600 >/dev/null 2>&1 &")
    assert containers()
    server.stop()
    assert wait_until(lambda: not containers(), 20)


@pytest.mark.also_engine
def test_the_kill_of_the_service_ends_them(
    serve: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    server = serve(sandbox_idle=2)
    answer = create(server)
    HttpSandbox(server, answer.json()["id"]).sh("sleep 600 >/dev/null 2>&1 &")
    assert containers()
    server.process.kill()
    assert wait_until(lambda: not containers(), 20)


def test_commands_leave_runs_their_threads(serve: Callable[..., Server]) -> None:
    server = serve(threads=4)
    with sandbox(server) as box:
        box.sh("mkfifo pipe")
        ends: list[int] = []

        def status(command: str) -> int:
            return box.call("POST", "/exec", json={"command": command}).status_code

        def wait() -> None:
            while (end := status("read line <pipe")) == 503:
                pass  # the other thread's, or the question below, had the place
            ends.append(end)

        waiting = [threading.Thread(target=wait) for _ in range(2)]
        for thread in waiting:
            thread.start()

        assert wait_until(lambda: status("true") == 503, 20)
        assert server.run(filename="a.sh", content="echo run").text == "run\n"
        box.delete()
        for thread in waiting:
            thread.join()
        assert ends == [410, 410]
