"""The decision what to create or discard next."""

from typing import Any

import pytest

from bitrun.sandbox.pool.refill import (
    Create,
    DiscardReusable,
    DiscardUsed,
    PoolState,
    Wait,
    next_action,
)

LONG = 3600.0


def state(allocation: dict[str, int], idle: dict[str, int], **changes: Any) -> PoolState[str]:
    defaults: dict[str, Any] = {
        "places": sum(allocation.values()),
        "refilling": {},
        "creating": 0,
        "running": 0,
        "reusable": {},
        "lent": {},
        "used": 0,
        "pending": 0,
        "since_taken": LONG,
        "since_released": LONG,
    }
    boxes = {spec: range(count) for spec, count in idle.items()}
    return PoolState(allocation=allocation, idle=boxes, **(defaults | changes))


@pytest.mark.parametrize(
    ("allocation", "idle", "refilling", "action"),
    [
        # Empty, full
        ({}, {}, {}, None),
        ({"a": 2}, {}, {}, Create("a")),
        ({"a": 2}, {"a": 1}, {}, Create("a")),
        ({"a": 2}, {"a": 2}, {}, None),
        # What is being created counts
        ({"a": 2}, {"a": 1}, {"a": 1}, None),
        ({"a": 3}, {"a": 1}, {"a": 1}, Create("a")),
        # The smallest part of its allocation first
        ({"a": 4, "b": 2}, {"a": 2}, {}, Create("b")),
        ({"a": 4, "b": 2}, {"a": 1, "b": 1}, {}, Create("a")),
        # Idle boxes of a spec that is not in the allocation don't count
        ({"a": 1}, {"b": 1}, {}, Create("a")),
    ],
)
def test_refill(
    allocation: dict[str, int], idle: dict[str, int], refilling: dict[str, int], action: object
) -> None:
    assert next_action(state(allocation, idle, refilling=refilling)) == action


@pytest.mark.parametrize(
    ("allocation", "idle", "refilling", "action"),
    [
        # The largest surplus gives way
        ({"a": 3, "b": 1}, {"a": 1, "b": 3}, {}, Create("a", evict="b")),
        ({"a": 4, "b": 0, "c": 0}, {"b": 1, "c": 3}, {}, Create("a", evict="c")),
        # For a spec without any box, also for one place
        ({"a": 1, "b": 3}, {"b": 4}, {}, Create("a", evict="b")),
        # But one more or less is not worth a box
        ({"a": 2, "b": 2}, {"a": 1, "b": 3}, {}, None),
        # even if it is the smallest part of an allocation: `a` has half of its own, `b` more
        ({"a": 2, "b": 5, "c": 0}, {"a": 1, "b": 3, "c": 3}, {}, Create("b", evict="c")),
        # A box that is being created can't be evicted
        ({"a": 2, "b": 0}, {}, {"b": 2}, None),
    ],
)
def test_eviction(
    allocation: dict[str, int], idle: dict[str, int], refilling: dict[str, int], action: object
) -> None:
    assert next_action(state(allocation, idle, refilling=refilling)) == action


@pytest.mark.parametrize(
    ("allocation", "idle", "reusable", "action"),
    [
        # They replace new boxes in up to half of the allocation
        ({"a": 4}, {"a": 2}, {"a": 2}, None),
        ({"a": 4}, {"a": 3}, {"a": 1}, None),
        # Beyond it they make room for new ones
        ({"a": 4}, {"a": 0}, {"a": 4}, DiscardReusable()),
        ({"a": 4}, {"a": 0}, {"a": 3}, Create("a")),
        # for those of another spec, too, before the surplus of new boxes does
        ({"a": 2, "b": 2}, {"b": 3}, {"b": 1}, DiscardReusable()),
        ({"a": 1, "b": 3}, {"b": 3}, {"b": 1}, DiscardReusable()),
        # but not for a difference of one
        ({"a": 2, "b": 2}, {"a": 1, "b": 2}, {"b": 1}, None),
        # Together with the new ones they take no more than the places
        ({"a": 2}, {"a": 2}, {"a": 1}, DiscardReusable()),
        # Those whose spec is not in the allocation take places, too
        ({"a": 2}, {}, {"b": 2}, DiscardReusable()),
    ],
)
def test_reusable_boxes(
    allocation: dict[str, int], idle: dict[str, int], reusable: dict[str, int], action: object
) -> None:
    assert next_action(state(allocation, idle, reusable=reusable)) == action


@pytest.mark.parametrize(
    ("idle", "lent", "action"),
    [
        # Those that will be reusable soon count, too
        ({"a": 3}, {"a": 1}, None),
        ({"a": 2}, {"a": 2}, None),
        # but new ones are created beside them for other clients
        ({"a": 1}, {"a": 3}, Create("a")),
        ({}, {"a": 4}, Create("a")),
    ],
)
def test_lent_boxes(idle: dict[str, int], lent: dict[str, int], action: object) -> None:
    assert next_action(state({"a": 4}, idle, lent=lent)) == action


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        # Requests come first
        ({"pending": 1}, Wait(0.5)),
        ({"creating": 3}, Create("a")),
        ({"creating": 4}, Wait(0.5)),
        # A reply gets out first
        ({"since_released": 0.004}, Wait(0.01 - 0.004)),
        ({"since_released": 0.01}, Create("a")),
        # A burst gets the processors, as long as its runs last
        ({"running": 1, "since_taken": 0.1}, Wait(0.5 - 0.1)),
        ({"running": 1, "since_taken": 0.1, "since_released": 0.0}, Wait(0.5 - 0.1)),
        ({"running": 1, "since_taken": 0.5}, Create("a")),
        ({"running": 0, "since_taken": 0.1}, Create("a")),
        # Used boxes are discarded before new ones are created, but not in a burst
        ({"used": 1}, DiscardUsed()),
        ({"used": 1, "pending": 1, "creating": 4}, DiscardUsed()),
        ({"used": 2, "running": 1, "since_taken": 0.0}, Wait(0.5)),
        # unless they are more than the pool has places
        ({"used": 3, "running": 1, "since_taken": 0.0}, DiscardUsed()),
        ({"used": 3, "since_released": 0.0}, DiscardUsed()),
        # Reusable ones stay in a burst, however many
        ({"reusable": {"a": 9}, "running": 1, "since_taken": 0.0}, Wait(0.5)),
        ({"reusable": {"a": 9}}, DiscardReusable()),
    ],
)
def test_pauses_and_order(changes: dict[str, Any], action: object) -> None:
    assert next_action(state({"a": 2}, {}, **changes)) == action


def test_repeated_decisions_reach_the_allocation() -> None:
    """The state converges, whatever it is, and then stays."""
    allocation = {"a": 5, "b": 2, "c": 1, "d": 0}
    idle = {"c": 4, "d": 4}
    for _ in range(20):
        action = next_action(state(allocation, idle))
        if action is None:
            break
        assert isinstance(action, Create)
        if action.evict is not None:
            idle[action.evict] -= 1
        idle[action.spec] = idle.get(action.spec, 0) + 1
        assert sum(idle.values()) <= 8
    assert action is None
    assert all(abs(idle[spec] - allocation[spec]) <= 1 for spec in allocation), idle
