"""Boxes that have run for long make way for those that have just begun."""

from collections.abc import Callable

import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.model.errors import EngineUnavailable
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.cpu_priority import CpuPriority
from tests.support.fake_engine import FakeEngine
from tests.support.stages import BOX_LIMITS, stage
from tests.support.waiting import wait_until

NEW = 0  # the engine's value for a default of 1024
WAITS = stage("sleep", "10", wall_ms=20_000)


Shares = Callable[[str], int]


@pytest.fixture
def shares(request: pytest.FixtureRequest, engine: Engine) -> Shares:
    """Return the changes of a container that the engine received."""
    if isinstance(engine, FakeEngine):
        return lambda container: engine.containers[container].cpu_shares
    client = request.getfixturevalue("docker_client")
    return lambda container: int(client.inspect_container(container)["HostConfig"]["CpuShares"])


@pytest.mark.also_engine
def test_only_what_runs_for_long_makes_way(engine: Engine, shares: Shares) -> None:
    boxes = BoxMaker(engine, Settings())
    with (
        boxes.make("bitrun/bash", BOX_LIMITS) as never_used,
        boxes.make("bitrun/bash", BOX_LIMITS) as long,
        boxes.make("bitrun/bash", BOX_LIMITS) as late,
    ):
        long.start(WAITS)
        assert shares(long.container) == NEW
        assert wait_until(lambda: shares(long.container) == 128, 5)
        # The thread has nothing to wait for now, and is to hear of the next one.
        late.start(WAITS)
        assert shares(late.container) == NEW
        assert wait_until(lambda: shares(late.container) == 128, 5)
        assert shares(never_used.container) == NEW


@pytest.mark.also_engine
def test_for_another_job_the_weight_is_set_back(engine: Engine, shares: Shares) -> None:
    priority = CpuPriority(engine)
    with BoxMaker(engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        for _ in range(2):
            priority.begin(box.container)
            assert wait_until(lambda: shares(box.container) == 128, 5)
            priority.restore(box.container)
            assert wait_until(lambda: priority.is_restored(box.container), 5)
            assert shares(box.container) == 1024
        priority.restore(box.container)
        assert priority.is_restored(box.container)


@pytest.mark.also_engine
def test_an_engine_that_knows_no_such_box(engine: Engine) -> None:
    with BoxMaker(engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        pass
    engine.remove_container(box.container)
    engine.set_cpu_shares(box.container, 128)


class Torn(Engine):
    """Writes down which containers should make way, and fails."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def set_cpu_shares(self, container: str, shares: int) -> None:
        self.asked.append(container)
        raise EngineUnavailable if container == "first" else RuntimeError


def test_what_has_ended_is_left_alone_and_a_failure_ends_nothing() -> None:
    engine = Torn()
    precedence = CpuPriority(engine)
    for container in ("first", "ended", "second"):
        precedence.begin(container)
    precedence.end("ended")
    assert wait_until(lambda: engine.asked == ["first", "second"], 5)
    precedence.begin("second")  # its next stage
    precedence.begin("third")
    assert wait_until(lambda: "third" in engine.asked, 5)
    assert engine.asked == ["first", "second", "third"]
    precedence.restore("second")
    assert wait_until(lambda: engine.asked[3:] == ["second"], 5)
    assert not precedence.is_restored("second"), "the engine has failed"
    precedence.end("second")
    assert precedence.is_restored("second")
