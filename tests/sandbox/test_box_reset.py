"""When a box is as new: its supervisor has said so, and its weight is that of a new box."""

import threading
from collections.abc import Iterator

import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.model.errors import BoxUnresponsive
from bitrun.model.result import Verdict
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.support.fake_engine import FakeEngine
from tests.support.stages import BOX_LIMITS, stage
from tests.support.waiting import wait_until


class SlowEngine:
    """Holds back changes of weights while `lets_pass` is not set."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lets_pass = threading.Event()
        self.lets_pass.set()
        self._change = engine.set_cpu_shares
        monkeypatch.setattr(engine, "set_cpu_shares", self._set_cpu_shares)

    def _set_cpu_shares(self, container: str, shares: int) -> None:
        assert self.lets_pass.wait(60)
        self._change(container, shares)


@pytest.fixture
def slow_engine(fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowEngine]:
    slow = SlowEngine(fake_engine, monkeypatch)
    yield slow
    slow.lets_pass.set()


@pytest.fixture
def box(slow_engine: SlowEngine, fake_engine: FakeEngine) -> Iterator[Box]:
    """A box whose run was long, and whose supervisor has reset it."""
    with BoxMaker(fake_engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        box.start(stage("sleep", "1"))
        assert wait_until(lambda: fake_engine.containers[box.container].cpu_shares == 128, 5)
        while not any(isinstance(event, Verdict) for event in box.supervisor.receive()):
            pass
        slow_engine.lets_pass.clear()
        box.ended_well = True
        assert box.start_reset()
        assert wait_until(lambda: not box.is_idle(), 5)
        yield box


def test_a_lowered_box_waits_for_its_weight(
    box: Box, slow_engine: SlowEngine, fake_engine: FakeEngine
) -> None:
    for _ in range(2):
        assert not box.is_reset()
    slow_engine.lets_pass.set()
    assert wait_until(box.is_reset, 5)
    assert fake_engine.containers[box.container].cpu_shares == 1024


def test_a_reset_that_takes_too_long(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not box.is_reset()
    monkeypatch.setattr("bitrun.sandbox.box.time.monotonic", lambda: box.released_at + 11)
    with pytest.raises(BoxUnresponsive):
        box.is_reset()
