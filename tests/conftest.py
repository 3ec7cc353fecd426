"""What several tests need: a supervisor without Docker, boxes, running services, the leak check."""

import io
import os
import tarfile
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
from tests.support.server import Server
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


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail any engine test after which a container of ours is left, and say what it is."""
    if request.node.get_closest_marker("engine") is None:
        yield
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
def supervisor_binary(
    docker_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The very binary that boxes run, taken out of its image."""
    folder = tmp_path_factory.mktemp("supervisor")
    container = docker_client.create_container("bitrun/supervisor", ["/supervisor"])["Id"]
    try:
        chunks, _ = docker_client.get_archive(container, "/supervisor")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            archive.extractall(folder, filter="data")
    finally:
        docker_client.remove_container(container)
    # The run's user must be able to reach its work directory below.
    for parent in (folder, *folder.parents[:3]):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder / "supervisor"


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


# Boxes on the real engine, without HTTP.


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    engine = Engine()
    yield Runner(Pool(BoxMaker(engine, Settings()), 0, dict), Admission(64, 0, 1.0))
    engine.close()


@pytest.fixture
def run(runner: Runner) -> Callable[..., Result]:
    """Run one command in a box of an installed image."""

    def run(package: str, *argv: str, **options: Any) -> Result:
        stages = (stage(*argv, **options),)
        return runner.run(Job(package, f"bitrun/{package}", (), stages, BOX_LIMITS))

    return run


# Whole services, each a gunicorn of its own on a free port.


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A service with its default settings."""
    server = Server({})
    yield server
    server.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start services with settings of their own."""
    servers: list[Server] = []

    def serve(**settings: Any) -> Server:
        environment = {f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()}
        servers.append(Server(environment))
        return servers[-1]

    yield serve
    for started in servers:
        started.stop()
