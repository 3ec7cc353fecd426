"""A stage's memory limit below what its box holds: cgroup v1 refuses it, v2 kills the box."""

from typing import Any

import pytest

from bitrun.config.settings import Settings
from bitrun.engine.containers import ContainerEnd
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.model.errors import BoxEnded, EngineError, RequestError
from bitrun.model.result import Outcome
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.cleanup.box_registry import BoxRegistry
from tests.support.stages import BOX_LIMITS, collect, stage

MEMORY = 64 * 1024 * 1024
TOO_SMALL = "is too small here"


class _Engine:
    """An engine that answers a new memory limit with an error, or accepts it."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def set_memory_limit(self, container: str, memory: int) -> None:
        if self._error is not None:
            raise self._error

    def find_end(self, container: str, timeout: float) -> ContainerEnd:
        return ContainerEnd(out_of_memory=False, exit_code=139)  # the event `oom` was lost


class _EndedStream:
    """The stream of a box that has ended."""

    def send(self, data: bytes) -> None:
        raise BoxEnded

    def close(self) -> None:
        pass


class _NoPriority:
    def begin(self, container: str) -> None:
        pass


def box(engine: Any) -> Box:
    priority: Any = _NoPriority()
    stream: Any = _EndedStream()
    registry = BoxRegistry("instance", lambda _: None)
    return Box(engine, registry, priority, "container", stream, memory=MEMORY, processes=64)


@pytest.mark.parametrize("error", [EngineError("busy"), NotOnEngine("gone"), None])
def test_a_lower_limit_that_ends_the_box_is_refused(error: Exception | None) -> None:
    with pytest.raises(RequestError, match=TOO_SMALL):
        box(_Engine(error)).start(stage("true", memory=MEMORY // 2))


def test_a_lowered_box_that_ends_later_is_out_of_memory() -> None:
    lowered = box(_Engine())
    with pytest.raises(RequestError):
        lowered.start(stage("true", memory=MEMORY // 2))
    assert lowered.oom_verdict().outcome is Outcome.MEMORY


def test_another_end_is_no_refusal() -> None:
    same, higher = box(_Engine()), box(_Engine(NotOnEngine("gone")))
    with pytest.raises(BoxEnded):
        same.start(stage("true", memory=MEMORY))
    with pytest.raises(BoxEnded, match="exit code 139"):
        same.oom_verdict()
    with pytest.raises(BoxEnded):
        higher.start(stage("true", memory=2 * MEMORY))


@pytest.mark.engine
def test_a_stage_that_ran_out_of_memory_is_not_held_against_the_next(engine: Engine) -> None:
    with BoxMaker(engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        verdict, _, _ = collect(box.supervisor, stage("sh", "-c", "tail /dev/zero; exit 0"))
        assert verdict.oom_killed
        verdict, _, _ = collect(box.supervisor, stage("true"))
        assert not verdict.oom_killed
