"""What several tests need: a supervisor without Docker, boxes, running services, the leak check."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.execution.admission import Admission
from bitrun.execution.runner import Runner
from bitrun.model.job import Job
from bitrun.model.result import Result
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.containers import our_containers
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import engine_with_packages
from tests.support.fake_services import FakeServices
from tests.support.process_boxes import ProcessBoxes, Programs, compile_programs
from tests.support.server import Process, Server, gunicorn
from tests.support.stages import BOX_LIMITS, stage
from tests.support.supervisor_process import UID, SupervisorProcess
from tests.support.waiting import wait_until


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, metavar="FOLDER", help="where pictures go to")


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.APIClient]:
    """The engine itself, to look at what the service did."""
    client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
    yield client
    client.close()


# Which engine a test gets: the fake one, unless it is marked `engine`. A test that is marked
# `also_engine` runs twice, and the second time is marked `engine`.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("also_engine"):
        kinds = ["fake", pytest.param("real", marks=pytest.mark.engine)]
        metafunc.parametrize("engine_kind", kinds, indirect=True)


@pytest.fixture
def engine_kind(request: pytest.FixtureRequest) -> str:
    marked = request.node.get_closest_marker("engine") is not None
    return str(getattr(request, "param", "real" if marked else "fake"))


@pytest.fixture(scope="session")
def fake_services(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeServices]:
    services = FakeServices(programs, tmp_path_factory.mktemp("containers"))
    yield services
    services.close()


@pytest.fixture
def containers(request: pytest.FixtureRequest, engine_kind: str) -> Callable[[], set[str]]:
    """Return the ids of the containers of all services of the tests."""
    if engine_kind == "fake":
        services: FakeServices = request.getfixturevalue("fake_services")
        return services.containers
    client = request.getfixturevalue("docker_client")
    return lambda: set(our_containers(client))


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, engine_kind: str) -> Iterator[None]:
    """Fail any test after which a container of ours is left, and say what it is."""
    if engine_kind == "fake":
        yield
        if "fake_services" in request.fixturenames:
            left = request.getfixturevalue("fake_services").containers
            assert wait_until(lambda: not left(), 2), f"left behind: {left()}"
        return
    client = request.getfixturevalue("docker_client")
    before = our_containers(client)
    yield
    if not wait_until(lambda: our_containers(client).keys() <= before.keys(), 2):
        left = {
            container: (client.inspect_container(container)["Config"]["Cmd"], status)
            for container, status in our_containers(client).items()
            if container not in before
        }
        for container in left:
            client.remove_container(container, force=True)
        pytest.fail(f"left behind: {left}")


# The supervisor without Docker: PID 1 of a PID namespace of its own, driven over pipes.


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled supervisor, and with what starts it without Docker."""
    folder = tmp_path_factory.mktemp("programs")
    compile_programs(folder)
    # The run's user must be able to reach its work directory below.
    for parent in (folder, *folder.parents[:3]):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


@pytest.fixture(scope="session")
def supervisor_binary(programs: Path) -> Path:
    return Programs.of(programs).supervisor


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    workdir = tmp_path / "box"
    workdir.mkdir()
    os.chown(workdir, UID, UID)
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o011)
    return workdir


@pytest.fixture
def supervisor(supervisor_binary: Path, workdir: Path) -> Iterator[SupervisorProcess]:
    process = SupervisorProcess(supervisor_binary, workdir)
    yield process
    process.close()


# Boxes without HTTP.


@pytest.fixture(scope="session")
def real_engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def fake_engine(programs: Path) -> Iterator[FakeEngine]:
    """Return an engine whose boxes are processes."""
    engine = engine_with_packages(ProcessBoxes(Programs.of(programs)))
    yield engine
    engine.close()
    assert wait_until(lambda: not engine.containers, 2), f"left behind: {engine.containers}"


@pytest.fixture
def engine(request: pytest.FixtureRequest, engine_kind: str) -> Engine:
    found: Engine = request.getfixturevalue(f"{engine_kind}_engine")
    return found


@pytest.fixture
def run(engine: Engine) -> Callable[..., Result]:
    """Run one command in a box of an installed image."""
    runner = Runner(Pool(BoxMaker(engine, Settings()), 0, dict), Admission(64, 0, 1.0))

    def run(package: str, *argv: str, **options: Any) -> Result:
        stages = (stage(*argv, **options),)
        return runner.run(Job(package, f"bitrun/{package}", (), stages, BOX_LIMITS))

    return run


# Whole services, each a gunicorn of its own on a free port.

Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def fake_server(fake_services: FakeServices) -> Iterator[Server]:
    server = Server({}, fake_services.start)
    yield server
    fake_services.retire(server)


@pytest.fixture(scope="session")
def real_server() -> Iterator[Server]:
    server = Server({})
    yield server
    server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest, engine_kind: str) -> Server:
    """Return a service with its default settings."""
    found: Server = request.getfixturevalue(f"{engine_kind}_server")
    return found


@pytest.fixture
def serve(request: pytest.FixtureRequest, engine_kind: str) -> Iterator[Serve]:
    """Start services with settings of their own."""
    if engine_kind == "fake":
        services: FakeServices = request.getfixturevalue("fake_services")
        yield from _serving(services.start, services.retire)
    else:
        yield from _serving(gunicorn, Server.stop)


@pytest.fixture
def serve_without_engine(
    fake_services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Start services whose engine is away: their own code finds that out."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    yield from _serving(fake_services.start_real, fake_services.retire)


def _serving(
    start: Callable[[dict[str, str]], Process], stop: Callable[[Server], None]
) -> Iterator[Serve]:
    servers: list[Server] = []

    def serve(**settings: Any) -> Server:
        environment = {f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()}
        servers.append(Server(environment, start))
        return servers[-1]

    yield serve
    for started in servers:
        stop(started)
