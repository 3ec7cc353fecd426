"""Decides what a pool's maker threads do next. Pure functions: no clock, no locks, no engine.

Creating a box costs the engine ten times what a run does, and removing it nearly as much. So while
a burst of runs is being answered neither is done, and the number of boxes that are created at the
same time is limited, however many requests find no idle box.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Generic

from bitrun.sandbox.pool.allocation import Spec

MAX_CONCURRENT_CREATES = 4  # for requests and refills together

_BURST_SECONDS = 0.5  # after the last box was taken, until work goes on beside running boxes
_REPLY_SECONDS = 0.01  # for a reply to be sent: work begun before it delays it by the GIL's 5 ms


@dataclass(frozen=True, slots=True)
class PoolState(Generic[Spec]):
    """What the decision depends on.

    `allocation` is how many idle boxes of each spec there should be, `idle` are those that exist
    (only their number counts: to count them all for every decision would be too slow), and
    `refilling` is how many are being created to become idle. `creating` counts these and the boxes
    that are created for a request. `pending` are requests that wait for a box, `used` boxes that
    are to be discarded.
    """

    places: int
    allocation: Mapping[Spec, int]
    idle: Mapping[Spec, Sized]
    refilling: Mapping[Spec, int]
    creating: int
    running: int
    used: int
    pending: int
    since_taken: float  # seconds since an idle box was taken
    since_released: float  # seconds since a run ended


@dataclass(frozen=True, slots=True)
class DiscardUsed:
    """Discard a used box."""


@dataclass(frozen=True, slots=True)
class Create(Generic[Spec]):
    """Create a box of a spec, after an idle box of `evict` was discarded to make room."""

    spec: Spec
    evict: Spec | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Decide again after so many seconds, or earlier if the state changes."""

    seconds: float


def next_action(state: PoolState[Spec]) -> DiscardUsed | Create[Spec] | Wait | None:
    """Return what to do; None if nothing is missing."""
    pause = _pause(state)
    if state.used and (not pause or state.used > state.places):
        return DiscardUsed()
    if pause:
        return Wait(pause)
    if state.pending or state.creating >= MAX_CONCURRENT_CREATES:
        return Wait(_BURST_SECONDS)
    return _refill(state)


def _pause(state: PoolState[Spec]) -> float:
    """Return for how many seconds the runs in progress should have the processors."""
    pause = _REPLY_SECONDS - state.since_released
    if state.running:
        pause = max(pause, _BURST_SECONDS - state.since_taken)
    return max(0.0, pause)


def _refill(state: PoolState[Spec]) -> Create[Spec] | None:
    """Choose the spec that has the smallest part of its allocation.

    If all places are taken, the spec with the largest surplus gives one up.
    """
    allocation = state.allocation
    idle = {spec: len(state.idle.get(spec, ())) for spec in allocation}
    count = {spec: idle[spec] + state.refilling.get(spec, 0) for spec in allocation}
    short = [spec for spec in allocation if count[spec] < allocation[spec]]
    is_full = sum(count.values()) >= state.places
    if is_full:
        # A difference of one is not worth a box: the allocation changes a little with every
        # request.
        short = [spec for spec in short if not count[spec] or allocation[spec] - count[spec] > 1]
    if not short:
        return None
    spec = min(short, key=lambda each: count[each] / allocation[each])
    if not is_full:
        return Create(spec)
    surplus = max(allocation, key=lambda each: idle[each] - allocation[each])
    return Create(spec, evict=surplus) if idle[surplus] else None
