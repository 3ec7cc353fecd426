"""What several tests need: a supervisor without Docker, boxes, running services, the leak check."""

import os
import shutil
import tempfile
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
from tests.support import fork_server
from tests.support.containers import our_containers
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import engine_with_packages
from tests.support.fork_server import ForkServer
from tests.support.process_boxes import ProcessBoxes, Programs, compile_programs
from tests.support.redis import Redis
from tests.support.scale import scaled
from tests.support.server import KEPT, REUSES_BOXES, Server
from tests.support.services import (
    FakeServices,
    NowhereServices,
    RealServices,
    Services,
    ServicesWithoutPool,
)
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


def pytest_collection(session: pytest.Session) -> None:
    if session.config.option.shards > 1:
        fork_server.shared()  # it imports what it needs meanwhile, and serves all of them


def pytest_sessionfinish() -> None:
    fork_server.close_shared()
    shutil.rmtree(KEPT, ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("also_engine"):
        kinds = ["fake", pytest.param("real", marks=pytest.mark.engine)]
        metafunc.parametrize("engine_kind", kinds, indirect=True)


@pytest.fixture
def engine_kind(request: pytest.FixtureRequest) -> str:
    marked = request.node.get_closest_marker("engine") is not None
    return str(getattr(request, "param", "real" if marked else "fake"))


@pytest.fixture(scope="session")
def forks() -> ForkServer:
    return fork_server.shared()


@pytest.fixture(scope="session")
def fake_services(
    forks: ForkServer, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    journal, temporary = map(tmp_path_factory.mktemp, ("containers", "services"))
    services = FakeServices(forks, programs, journal, temporary)
    yield services
    services.close()


@pytest.fixture(scope="session")
def real_services(docker_client: docker.APIClient) -> Iterator[Services]:
    services = RealServices(docker_client)
    yield services
    services.close()


@pytest.fixture
def services(request: pytest.FixtureRequest, engine_kind: str) -> Services:
    found: Services = request.getfixturevalue(f"{engine_kind}_services")
    if REUSES_BOXES and "containers" in request.fixturenames:
        return ServicesWithoutPool(found)
    return found


@pytest.fixture
def containers(services: Services) -> Callable[[], set[str]]:
    """Return the ids of the containers of all services of the tests."""
    return services.containers


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, engine_kind: str) -> Iterator[None]:
    """Fail any test after which a container of ours is left, and say what it is."""
    if REUSES_BOXES:  # they stay for the next test
        yield
        return
    if engine_kind == "fake":
        services = None
        if "services" in request.fixturenames:
            services = request.getfixturevalue("services")
        yield
        if services is not None:
            assert wait_until(lambda: not services.containers(), 20), services.containers()
        return
    client = request.getfixturevalue("docker_client")
    before = our_containers(client)
    yield
    if not wait_until(lambda: our_containers(client).keys() <= before.keys(), scaled(2)):
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
def programs() -> Path:
    """The folder with the compiled supervisor, and with what starts it without Docker."""
    return compile_programs()


@pytest.fixture(scope="session")
def supervisor_binary(programs: Path) -> Path:
    return Programs.of(programs).supervisor


@pytest.fixture
def workdir() -> Iterator[Path]:
    # Not below tmp_path: the run's user must be able to reach it, and another session of pytest
    # closes the folder that they share.
    with tempfile.TemporaryDirectory(prefix="bitrun-test-") as folder:
        Path(folder).chmod(0o711)
        workdir = Path(folder) / "box"
        workdir.mkdir()
        os.chown(workdir, UID, UID)
        yield workdir


@pytest.fixture
def supervisor(supervisor_binary: Path, workdir: Path) -> Iterator[SupervisorProcess]:
    process = SupervisorProcess(supervisor_binary, workdir)
    yield process
    process.close()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.stop()


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
    assert wait_until(lambda: not engine.containers, 20), f"left behind: {engine.containers}"


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


@pytest.fixture
def server(services: Services) -> Server:
    """Return a service with its default settings."""
    return services.share()


@pytest.fixture
def share(services: Services) -> Serve:
    """Return a service with settings of its own, for tests that may share it."""
    return services.share


@pytest.fixture
def serve(services: Services) -> Iterator[Serve]:
    """Start services with settings of their own."""
    yield from _serving(services)


@pytest.fixture
def serve_without_engine(forks: ForkServer) -> Iterator[Serve]:
    """Start services whose engine is away."""
    services = NowhereServices(forks)
    yield from _serving(services)
    services.close()


def _serving(services: Services) -> Iterator[Serve]:
    started: list[Server] = []

    def serve(**settings: Any) -> Server:
        started.append(services.start(**settings))
        return started[-1]

    yield serve
    for server in started:
        services.stop(server)
