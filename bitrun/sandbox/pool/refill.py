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
    are to be discarded. `reusable` is how many used boxes of each spec wait for their client, and
    `lent` how many will once their run is over.
    """

    places: int
    allocation: Mapping[Spec, int]
    idle: Mapping[Spec, Sized]
    refilling: Mapping[Spec, int]
    creating: int
    running: int
    reusable: Mapping[Spec, int]
    lent: Mapping[Spec, int]
    used: int
    pending: int
    since_taken: float  # seconds since an idle box was taken
    since_released: float  # seconds since a run ended


@dataclass(frozen=True, slots=True)
class DiscardUsed:
    """Discard a used box."""


@dataclass(frozen=True, slots=True)
class DiscardReusable:
    """Discard the used box that has waited longest for its client."""


@dataclass(frozen=True, slots=True)
class Create(Generic[Spec]):
    """Create a box of a spec, after an idle box of `evict` was discarded to make room."""

    spec: Spec
    evict: Spec | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Decide again after so many seconds, or earlier if the state changes."""

    seconds: float


def next_action(
    state: PoolState[Spec],
) -> DiscardUsed | DiscardReusable | Create[Spec] | Wait | None:
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


def _refill(state: PoolState[Spec]) -> Create[Spec] | DiscardReusable | None:
    """Choose the spec that has the smallest part of its allocation.

    If all places are taken, reusable boxes give theirs up first; then the spec with the largest
    surplus does. Reusable boxes replace new ones in up to half of a spec's allocation: any client
    can have one of the other half.
    """
    allocation = state.allocation
    idle = {spec: len(state.idle.get(spec, ())) for spec in allocation}
    new = {spec: idle[spec] + state.refilling.get(spec, 0) for spec in allocation}
    count = {
        spec: new[spec]
        + min(state.reusable.get(spec, 0) + state.lent.get(spec, 0), allocation[spec] // 2)
        for spec in allocation
    }
    short = [spec for spec in allocation if count[spec] < allocation[spec]]
    taken, reusable = sum(new.values()), sum(state.reusable.values())
    is_full = taken + reusable >= state.places
    if is_full:
        # A difference of one is not worth a box: the allocation changes a little with every
        # request.
        short = [spec for spec in short if not count[spec] or allocation[spec] - count[spec] > 1]
    if reusable and (taken + reusable > state.places or (is_full and short)):
        return DiscardReusable()
    if not short:
        return None
    spec = min(short, key=lambda each: count[each] / allocation[each])
    if not is_full:
        return Create(spec)
    surplus = max(allocation, key=lambda each: idle[each] - allocation[each])
    return Create(spec, evict=surplus) if idle[surplus] else None
