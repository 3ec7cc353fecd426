"""Idle boxes: which are given, kept and discarded."""

import time

import pytest

from bitrun.sandbox.box import Box
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.idle_boxes import IdleBoxes
from tests.support.stages import BOX_LIMITS

A, B = BoxSpec("a", BOX_LIMITS), BoxSpec("b", BOX_LIMITS)


class FakeBox(Box):
    """A box without a container."""

    def __init__(self) -> None:
        self.created_at = time.monotonic()
        self.alive = True
        self.discarded = False

    def is_idle(self) -> bool:
        return self.alive

    def discard(self) -> None:
        self.discarded = True


def add(idle: IdleBoxes, spec: BoxSpec, count: int) -> list[FakeBox]:
    boxes = [FakeBox() for _ in range(count)]
    for box in boxes:
        idle.add(spec, box)
    return boxes


@pytest.fixture
def idle() -> IdleBoxes:
    idle = IdleBoxes(4)
    idle.set_specs({A: 0, B: 0})
    return idle


def test_the_oldest_is_taken_first(idle: IdleBoxes) -> None:
    first, second = add(idle, A, 2)
    assert [idle.take(A), idle.take(A), idle.take(A), idle.take(B)] == [first, second, None, None]


def test_an_ended_box_is_discarded_and_never_given(idle: IdleBoxes) -> None:
    ended, good = add(idle, A, 2)
    ended.alive = False
    assert idle.take(A) is good
    assert (ended.discarded, good.discarded) == (True, False)


def test_boxes_of_other_specs_are_discarded(idle: IdleBoxes) -> None:
    (kept,), (replaced,) = add(idle, A, 1), add(idle, B, 1)
    idle.set_specs({A: 0})
    (late,) = add(idle, B, 1)
    assert [box.discarded for box in (kept, replaced, late)] == [False, True, True]
    assert idle.counts() == {A: 1}


def test_unusable_boxes_are_discarded(idle: IdleBoxes) -> None:
    good, ended, old = add(idle, A, 3)
    ended.alive = False
    old.created_at -= 1801
    idle.discard_unusable()
    assert [box.discarded for box in (good, ended, old)] == [False, True, True]
    assert idle.counts() == {A: 1}


def test_eviction_takes_the_oldest(idle: IdleBoxes) -> None:
    oldest, newer = add(idle, A, 2)
    idle.evict(A)
    assert (oldest.discarded, newer.discarded) == (True, False)


def test_clear_discards_all(idle: IdleBoxes) -> None:
    boxes = add(idle, A, 2) + add(idle, B, 1)
    idle.clear()
    assert all(box.discarded for box in boxes)
    assert sum(idle.counts().values()) == 0


def test_the_allocation_follows_requests(idle: IdleBoxes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert idle.allocation() == {A: 2, B: 2}
    for _ in range(20):
        idle.count_request(A)
    idle.count_request(BoxSpec("of no known image", BOX_LIMITS))
    assert idle.allocation() == {A: 2, B: 2}, "computed again within a second"
    later = time.monotonic() + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert idle.allocation() == {A: 4}
    add(idle, B, 1)
    later += 1
    assert idle.allocation() == {A: 4, B: 0}, "its box can be evicted"
