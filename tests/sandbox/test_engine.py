"""The seam to the engine, where it fails."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitrun.faults import EngineUnavailable
from bitrun.sandbox.engine import Engine


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("where", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
@pytest.mark.parametrize("call", [Engine.ping, lambda engine: engine.attach("x")])
@pytest.mark.usefixtures("no_collector")
def test_an_engine_that_is_away_costs_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, where: str, call: Callable[[Engine], object]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", where)
    engine = Engine()
    before = descriptors()
    for _ in range(3):
        with pytest.raises(EngineUnavailable):
            call(engine)
    assert descriptors() == before
