"""Fixtures: services on engines that tests may break, and a check for leftovers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.chaos import own_engine
from tests.chaos.own_engine import OwnEngine
from tests.support.server import Server
from tests.support.waiting import wait_until
from tools.bench import machine
from tools.soak.monitor import Monitor


@pytest.fixture(scope="session")
def spare_engine(docker_client: docker.APIClient) -> Iterator[OwnEngine]:
    """An engine with one language on it."""
    engine = own_engine.new()
    try:
        engine.start()
        engine.copy_image(docker_client, "bitrun/bash:latest")
        yield engine
    finally:
        engine.remove()


@pytest.fixture
def engine(spare_engine: OwnEngine) -> OwnEngine:
    """An answering engine that the test may break."""
    if not spare_engine.answers():
        spare_engine.start()
    return spare_engine


class MonitoredServer(Server):
    """A service, and a monitor of its processes, files and containers."""

    def __init__(self, client: docker.APIClient, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.monitor = Monitor(client, folder)
        super().__init__({"TMPDIR": str(folder)} | environment)
        assert self.get("/").ok

    @property
    def worker(self) -> int:
        return machine.children(self.process.pid)[0]

    def use(self) -> machine.ProcessUsage:
        return machine.process_usage(self.worker)

    def assert_no_growth(self, before: machine.ProcessUsage) -> None:
        """Assert that within 30 s no more threads and descriptors are held than before.

        Up to 16 more descriptors are allowed: the number of idle boxes varies, and connections to
        the engine are kept for the next calls. A leak at every failure would exceed that.
        """

        def grown() -> bool:
            now = self.use()
            return now.threads > before.threads or now.descriptors > before.descriptors + 16

        assert wait_until(lambda: not grown(), 30), (before, self.use())


@pytest.fixture
def new_engine(docker_client: docker.APIClient) -> Iterator[Callable[..., OwnEngine]]:
    """Start engines with these flags, on a small disk if `size` is given, such as 600m."""
    engines: list[OwnEngine] = []

    def new_engine(*flags: str, size: str | None = None) -> OwnEngine:
        engine = own_engine.new(*flags)
        engines.append(engine)
        if size is not None:
            engine.mount(size)
        engine.start()
        engine.copy_image(docker_client, "bitrun/bash:latest")
        return engine

    yield new_engine
    for engine in engines:
        engine.remove()


@pytest.fixture
def serve_on(
    tmp_path: Path, new_engine: Callable[..., OwnEngine]
) -> Iterator[Callable[..., MonitoredServer]]:
    """Start services on a given engine; at the end nothing of them may be left."""
    services: list[MonitoredServer] = []

    def serve_on(engine: OwnEngine | docker.APIClient, **settings: Any) -> MonitoredServer:
        environment = {f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()}
        if isinstance(engine, OwnEngine):
            environment["DOCKER_HOST"] = engine.host
        client = engine.client if isinstance(engine, OwnEngine) else engine
        services.append(MonitoredServer(client, tmp_path / str(len(services)), environment))
        return services[-1]

    yield serve_on
    for service in services:
        service.stop()
    assert [left for service in services for left in service.monitor.leftovers()] == []
