"""Several workers: one set of limits for all of them, also after one is killed or replaced."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bitrun.access.at_once import limits_at_once, remove_shared
from bitrun.config.settings import Settings
from tests.support.fork_server import ForkServer
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.waiting import read_stderr_until, wait_until
from tests.support.workers import only, workers
from tests.telemetry.test_metrics import scrape, value

WORKERS, PLACES = 2, 2


class Held:
    """Runs that last until their connection is closed."""

    def __init__(self, server: Server, containers: Callable[[], set[str]]) -> None:
        self._server = server
        self._containers = containers
        self.connections: list[socket.socket] = []

    def add(self, count: int) -> None:
        for _ in range(count):
            self.connections.append(ask(self._server, "sleep 300"))
        assert wait_until(lambda: len(self._containers()) == len(self.connections), 30)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def ask(server: Server, program: str) -> socket.socket:
    body = json.dumps({"filename": "a.sh", "content": program}).encode()
    head = b"POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return client


def status(server: Server) -> int:
    """Run a short program, on a new connection; 0 if its worker was killed meanwhile."""
    with ask(server, "true") as client:
        answer = client.recv(12)
    return int(answer.split()[1]) if answer else 0


def published(server: Server) -> int:
    """Return how many workers have published their metrics, which they do when they can serve."""
    samples = scrape(server)["bitrun_queue_length"].samples
    return len({each.labels["worker"] for each in samples})


@pytest.fixture
def start(serve: Callable[..., Server]) -> Callable[..., Server]:
    def start(**settings: object) -> Server:
        server = serve(workers=WORKERS, v1_timeout=120, **settings)
        assert wait_until(lambda: published(server) == WORKERS, 30)
        return server

    return start


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [({"max_runs": PLACES, "max_queue": 0}, 503), ({"max_runs_per_client": PLACES}, 429)],
)
def test_limits_are_shared_and_a_killed_worker_holds_nothing(
    start: Callable[..., Server],
    containers: Callable[[], set[str]],
    settings: dict[str, object],
    refusal: int,
) -> None:
    server = start(**settings)
    first, second = workers(server)
    with closing(Held(server, containers)) as held:
        with only(server, first):
            held.add(PLACES)
        with only(server, second):
            assert status(server) == refusal
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: status(server) == 200, 30)


def test_replaced_workers_still_count(
    start: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    server = start(max_runs=PLACES, max_queue=0)
    replaced = workers(server)
    with closing(Held(server, containers)) as held:
        held.add(PLACES)
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: len(workers(server) - replaced) == WORKERS, 30)
        assert {status(server) for _ in range(2 * WORKERS)} == {503}
    assert wait_until(lambda: status(server) == 200, 30)


def test_a_scrape_has_the_metrics_of_all(start: Callable[..., Server]) -> None:
    server = start(max_runs=PLACES)
    for worker in workers(server):
        with only(server, worker):
            assert status(server) == 200
    assert wait_until(lambda: value(server, "bitrun_runs_total") == WORKERS, 30)
    (places,) = scrape(server)["bitrun_places"].samples
    assert (places.labels, places.value) == ({}, PLACES)


def test_gunicorns_own_option_is_refused(
    forks: ForkServer, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["gunicorn", "--workers", "2", "app:app"]
    process = forks.start("gunicorn.app.wsgiapp:run", arguments, dict(os.environ))
    assert process.wait(30) == 1
    assert "set BITRUN_WORKERS=2" in read_stderr_until(capfd, "BITRUN_WORKERS", 5)


def test_what_they_share_is_made_once_and_removed() -> None:
    settings = Settings(workers=2, max_runs=1)
    limits = limits_at_once(settings)
    assert limits_at_once(settings) is limits
    assert limits.runs.acquire(blocking=False)
    assert not limits.runs.acquire(timeout=0.01)
    threading.Timer(0.1, limits.runs.release).start()
    assert limits.runs.acquire(timeout=30)
    remove_shared()
    with pytest.raises(OSError, match="semtimedop"):
        limits.runs.release()
    assert limits_at_once(settings) is not limits
    remove_shared()


STOPPED_AT_ONCE = """
import os, runpy, signal
globals().update(runpy.run_module("bitrun.server.gunicorn_conf"))
_post_fork = post_fork

def post_fork(server, worker):
    _post_fork(server, worker)
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_stop_is_not_lost_on_a_worker_that_starts(
    forks: ForkServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configuration = tmp_path / "gunicorn.conf.py"
    configuration.write_text(STOPPED_AT_ONCE)
    port = free_port()
    process = forks.start(
        "gunicorn.app.wsgiapp:run",
        ["gunicorn", "--config", str(configuration), "app:app"],
        {**os.environ, "BITRUN_PORT": str(port), "DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )
    # It ends by itself, and is replaced.
    read_stderr_until(capfd, "Worker exiting", 60)
    process.terminate()
    assert process.wait(60) == 0
