"""The seam to the engine, where it fails."""

import gc
import os
from collections.abc import Callable, Iterator

import pytest

from bitrun.engine.engine import Engine
from bitrun.model.errors import EngineUnavailable
from tools.bench import machine


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("where", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
@pytest.mark.parametrize("call", [Engine.ping, lambda engine: engine.attach_container("x")])
@pytest.mark.usefixtures("no_collector")
def test_an_engine_that_is_away_costs_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, where: str, call: Callable[[Engine], object]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", where)
    engine = Engine()
    before = machine.process_usage(os.getpid()).descriptors
    for _ in range(3):
        with pytest.raises(EngineUnavailable):
            call(engine)
    assert machine.process_usage(os.getpid()).descriptors == before
