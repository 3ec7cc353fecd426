"""The engine restarts, stops, hangs, runs out of disk or loses power, and the service recovers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import docker
import pytest

from tests.chaos.conftest import MonitoredServer
from tests.chaos.load import Load, ask
from tests.chaos.own_engine import OwnEngine
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(600)]

Serve = Callable[..., MonitoredServer]

# An engine that answered too late may have created containers after the service gave up waiting.
# The janitor removes those that have had no owner for a minute, in its second pass after that.
ORPHAN_SECONDS = 120


def warm(server: MonitoredServer) -> None:
    """Open more threads and connections than the load will need."""
    with Load(server, clients=8) as load:
        time.sleep(3)
    load.check()
    server.monitor.measure_at_rest(server.worker)


@contextmanager
def under_load(server: MonitoredServer) -> Iterator[Load]:
    """Run the block, which breaks something, under load; afterwards the service must recover."""
    warm(server)
    before = server.use()
    with Load(server) as load:
        time.sleep(2)
        yield load
        repaired = len(load.answers)
        assert wait_until(lambda: sum(it.right for it in load.since(repaired)) > 10, 60)
    server.assert_no_growth(before)


@pytest.mark.attack("fault", "the engine restarts under load", "503, then right answers again")
def test_restart(engine: OwnEngine, serve_on: Serve) -> None:
    server = serve_on(engine, pool_size=4)
    with under_load(server) as load:
        engine.stop()
        time.sleep(1)
        engine.start()
    load.check(503)
    assert load.slowest < 30


@pytest.mark.attack("fault", "the engine is away for 30 s", "503 at once, then right answers again")
def test_away(engine: OwnEngine, serve_on: Serve) -> None:
    server = serve_on(engine, pool_size=4)
    warm(server)
    before = server.use()
    engine.stop()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = ask(server, "away")
        assert answer.status == 503, answer
        assert "engine does not answer" in answer.text
        assert answer.seconds < 5
        for path in ("/api/v2/runtimes", "/readyz"):
            assert server.get(path).status_code == 503
        time.sleep(0.5)
    engine.start()
    assert wait_until(lambda: ask(server, "back").right, 10)
    assert wait_until(lambda: server.get("/readyz").ok, 10)
    server.assert_no_growth(before)


@pytest.mark.attack("fault", "the engine hangs", "503 after its time-out, then right answers again")
def test_frozen(engine: OwnEngine, serve_on: Serve) -> None:
    server = serve_on(engine, engine_timeout=5)
    with under_load(server) as load, engine.frozen():
        time.sleep(20)
    load.check(503)
    assert load.slowest < 30
    assert wait_until(lambda: not engine.containers(), ORPHAN_SECONDS), engine.containers()


@pytest.mark.attack("fault", "a power cut", "its containers are removed after the next start")
def test_power_cut(engine: OwnEngine, serve_on: Serve) -> None:
    server = serve_on(engine, pool_size=8)
    with Load(server) as load:
        time.sleep(2)
        for process in server.monitor.processes():
            os.kill(process, signal.SIGKILL)
        engine.cut_power()
    load.check(None, 503)
    engine.start()
    left = engine.containers()
    after = serve_on(engine, pool_size=8)
    assert ask(after, "again").right
    assert wait_until(lambda: not left & engine.containers(), ORPHAN_SECONDS), engine.containers()
    assert ask(after, "again").right


@pytest.mark.attack("fault", "the engine dies, its containers do not", "they end, with no owner")
def test_live_restore(new_engine: Callable[..., OwnEngine], serve_on: Serve) -> None:
    engine = new_engine("--live-restore")
    server = serve_on(engine, pool_size=4)
    with under_load(server) as load:
        left = engine.containers()
        assert left
        engine.kill()
        engine.start()
    load.check(503)
    assert wait_until(lambda: not left & engine.containers(), ORPHAN_SECONDS), engine.containers()


@pytest.mark.attack("fault", "the engine's disk is full", "503, then right answers again")
def test_full_disk(new_engine: Callable[..., OwnEngine], serve_on: Serve) -> None:
    engine = new_engine(size="600m")
    server = serve_on(engine, pool_size=2)
    with under_load(server) as load, engine.filled():
        # Sometimes a removed box leaves room for a new one.
        assert wait_until(lambda: load.statuses[503] > 4, 60)
    load.check(503)


@pytest.mark.attack("fault", "an image is deleted while it is in use", "runs in it end well")
def test_deleted_image(docker_client: docker.APIClient, engine: OwnEngine, serve_on: Serve) -> None:
    server = serve_on(engine, pool_size=2)
    warm(server)
    try:
        with ThreadPoolExecutor() as pool:
            running = pool.submit(ask, server, "last", "sleep 3")
            time.sleep(1)
            engine.client.remove_image("bitrun/bash", force=True)
            assert running.result().right
        refused = ask(server, "none")
        assert refused.status == 400
        assert "Package is not installed: bash" in refused.text
        assert wait_until(lambda: not engine.containers(), 15), engine.containers()
    finally:
        engine.copy_image(docker_client, "bitrun/bash:latest")
    assert wait_until(lambda: ask(server, "again").right, 5)
