"""What several tests need: a supervisor without Docker, boxes, running services, the leak check."""

import io
import os
import select
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from bitrun.config.settings import MEBIBYTE, Settings
from bitrun.engine.engine import Engine
from bitrun.execution.admission import Admission
from bitrun.execution.runner import Runner
from bitrun.model.jobs import BoxLimits, Job, Limits, Result, Stage, Stream, Verdict
from bitrun.sandbox.box import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from bitrun.sandbox.supervisor.client import Conversation

ROOT = Path(__file__).resolve().parent.parent
UID = 20001
BOX_LIMITS = BoxLimits(memory=64 * MEBIBYTE, processes=64, open_files=2048, file_size=10_000_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, metavar="FOLDER", help="where pictures go to")


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.APIClient]:
    """The engine itself, to look at what the service did."""
    client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
    yield client
    client.close()


def our_containers(client: docker.APIClient) -> dict[str, str]:
    return {
        container["Id"]: container["Status"]
        for container in client.containers(all=True, filters={"label": "bitrun.role"})
    }


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def read_stderr_until(capfd: pytest.CaptureFixture[str], text: str, seconds: float) -> str:
    """Wait until a process of the test's has written this, and return all that was written."""
    said = ""

    def written() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return text in said

    assert wait_until(written, seconds), said
    return said


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


class SupervisorProcess:
    """A channel to a supervisor that runs as a process of this machine."""

    def __init__(self, binary: Path, workdir: Path) -> None:
        self.workdir = workdir
        self.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", binary, str(UID), workdir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.conversation = Conversation(self)

    def send(self, data: bytes | bytearray) -> None:
        self.stdin.write(data)

    def receive(self, timeout: float) -> bytes:
        if not select.select([self.stdout], [], [], timeout)[0]:
            raise TimeoutError
        return os.read(self.stdout.fileno(), 1 << 16)

    def run(self, *argv: str, **options: Any) -> tuple[Verdict, bytes, bytes]:
        """Run one stage; return its verdict, stdout and stderr."""
        return collect(self.conversation, stage(*argv, **options))

    def close(self) -> None:
        self.stdin.close()
        self.process.wait(timeout=5)
        self.stdout.close()


def collect(conversation: Conversation, stage: Stage) -> tuple[Verdict, bytes, bytes]:
    streams = {Stream.STDOUT: b"", Stream.STDERR: b""}
    conversation.start(stage)
    while True:
        for event in conversation.receive():
            if isinstance(event, Verdict):
                return event, streams[Stream.STDOUT], streams[Stream.STDERR]
            stream, data = event
            streams[stream] += data


def stage(
    *argv: str,
    wall_ms: int = 5000,
    cpu_ms: int | None = None,
    output: int = 65536,
    memory: int = 64 * MEBIBYTE,
    stdin: bytes = b"",
    merge: bool = False,
    env: dict[str, str] | None = None,
) -> Stage:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"} | (env or {})
    limits = Limits(wall_ms=wall_ms, cpu_ms=cpu_ms, output=output, memory=memory)
    return Stage("run", argv, environment, limits, stdin, merge)


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


class Server:
    """A running service."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "app:app"],
            cwd=ROOT,
            # Without a pool, every container that is left after a test was left by it.
            env=os.environ | {"BITRUN_PORT": str(self.port), "BITRUN_POOL_SIZE": "0"} | environment,
            start_new_session=True,
        )
        if not wait_until(self._answers, 20):
            self.process.kill()
            pytest.fail("the service does not start")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return self.process.poll() is not None
        return True

    def run(self, **fields: Any) -> requests.Response:
        return requests.post(f"{self.url}/api/v1/run", data=fields, timeout=60)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


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
