"""Services on engines that are about to break, and the check that nothing of them is left."""

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
from tools.soak.watch import EngineEvents


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
    """One that may be broken, and answers."""
    if not spare_engine.answers():
        spare_engine.start()
    return spare_engine


class Watched(Server):
    """A service whose every trace can be told from others'."""

    def __init__(self, client: docker.APIClient, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.watch = EngineEvents(client, folder)
        super().__init__({"TMPDIR": str(folder)} | environment)
        assert self.get("/").ok

    @property
    def worker(self) -> int:
        return machine.children(self.process.pid)[0]

    def use(self) -> machine.Use:
        return machine.use(self.worker)

    def assert_no_growth(self, before: machine.Use) -> None:
        """Demand that no more threads and descriptors are held than before, after some patience.

        A box more or less waits, and up to 16 connections to the engine are kept for the next
        calls: what leaked at every failure would be more than that.
        """

        def grown() -> bool:
            now = self.use()
            return now.threads > before.threads or now.descriptors > before.descriptors + 16

        assert wait_until(lambda: not grown(), 30), (before, self.use())


@pytest.fixture
def new_engine(docker_client: docker.APIClient) -> Iterator[Callable[..., OwnEngine]]:
    """Start engines with flags of their own, on a small disk if they have a `size` such as 600m."""
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
) -> Iterator[Callable[..., Watched]]:
    """Start services on an engine of one's own choice; in the end nothing of them may be left."""
    services: list[Watched] = []

    def serve_on(engine: OwnEngine | docker.APIClient, **settings: Any) -> Watched:
        environment = {f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()}
        if isinstance(engine, OwnEngine):
            environment["DOCKER_HOST"] = engine.host
        client = engine.client if isinstance(engine, OwnEngine) else engine
        services.append(Watched(client, tmp_path / str(len(services)), environment))
        return services[-1]

    yield serve_on
    for service in services:
        service.stop()
    assert [left for service in services for left in service.watch.left()] == []
