"""The boxes that wait, and which kind should be made next. No threads: the pool has the lock."""

import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from bitrun.model.job import BoxLimits
from bitrun.sandbox.box import Box
from bitrun.sandbox.pool.allocation import share_out

_HALF_LIFE_SECONDS = 600.0  # of demand: what was asked for before counts half
_PRIOR = 1.0  # the demand that all kinds together have before any is asked for
_OLDEST_SECONDS = 1800.0
_SHARE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """What makes two boxes interchangeable. `image` is the id of an image, not a name."""

    image: str
    limits: BoxLimits

    def __hash__(self) -> int:
        # That of a text is kept in it; that of the limits would be made anew at every look-up.
        return hash(self.image)


class IdleBoxes:
    """Waiting boxes of the offered kinds, in the proportions in which they are asked for."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: dict[BoxSpec, deque[Box]] = {}
        self._pinned: Mapping[BoxSpec, int] = {}
        self._demand: dict[BoxSpec, float] = defaultdict(float)
        self._decayed_at = time.monotonic()
        self._shares: Mapping[BoxSpec, int] = {}
        self._shared_at = 0.0

    def offer(self, pinned: Mapping[BoxSpec, int]) -> None:
        """Say which kinds can be asked for, and how many of each are held in any case.

        Boxes of other kinds are discarded: their image was removed or replaced.
        """
        self._pinned = pinned
        self._shared_at = 0.0
        for kind in self._waiting.keys() - pinned.keys():
            self._discard(self._waiting.pop(kind))
        for kind in self._demand.keys() - pinned.keys():
            del self._demand[kind]

    def ask(self, kind: BoxSpec) -> None:
        """Count a request for this kind, met or not."""
        if kind in self._pinned:
            self._demand[kind] += 1

    def take(self, kind: BoxSpec) -> Box | None:
        """Take the box of this kind that has waited longest; None if there is none."""
        boxes = self._waiting.get(kind)
        while boxes:
            box = boxes.popleft()
            if box.is_waiting():
                return box
            # No more than that: its supervisor has exited, so the engine removes it by itself, and
            # a call to an engine in trouble would hold up everyone who waits for the pool's lock.
            box.discard()
        return None

    def add(self, kind: BoxSpec, box: Box) -> None:
        if kind in self._pinned:
            self._waiting.setdefault(kind, deque()).append(box)
        else:
            box.discard()  # its image went while it was being made

    def next_kind(self, under_way: Mapping[BoxSpec, int]) -> BoxSpec | None:
        """Choose what to make, counting what is under way; None if nothing is missing.

        Where all places are taken, a box that has more than its share gives its place up.
        """
        shares = self._current_shares()
        held = {kind: self._count(kind) + under_way.get(kind, 0) for kind in shares}
        short = [kind for kind in shares if held[kind] < shares[kind]]
        if not short:
            return None
        kind = min(short, key=lambda each: held[each] / shares[each])
        if sum(held.values()) < self._places:
            return kind
        # One more or less is not worth a box: shares move a little with every request.
        if held[kind] and shares[kind] - held[kind] == 1:
            return None
        surplus = max(shares, key=lambda each: self._count(each) - shares[each])
        if not self._count(surplus):
            return None
        self._waiting[surplus].popleft().discard()
        return kind

    def drop_spent(self) -> None:
        """Drop the boxes that have died waiting, or grown old."""
        oldest = time.monotonic() - _OLDEST_SECONDS
        for boxes in self._waiting.values():
            for box in [each for each in boxes if each.made_at < oldest or not each.is_waiting()]:
                boxes.remove(box)
                box.discard()

    def waiting(self) -> dict[BoxSpec, int]:
        return {kind: len(boxes) for kind, boxes in self._waiting.items()}

    def clear(self) -> None:
        for boxes in self._waiting.values():
            self._discard(boxes)
        self._waiting.clear()

    def _count(self, kind: BoxSpec) -> int:
        return len(self._waiting.get(kind, ()))

    def _current_shares(self) -> Mapping[BoxSpec, int]:
        """Share the places out, at most once a second: makers ask for it many times a run."""
        now = time.monotonic()
        if now - self._shared_at >= _SHARE_SECONDS:
            self._shared_at = now
            shares = share_out(self._places, self._weights(), self._pinned)
            # One that has no share still counts while it holds boxes to give up.
            self._shares = {
                kind: share for kind, share in shares.items() if share or self._count(kind)
            }
        return self._shares

    def _weights(self) -> dict[BoxSpec, float]:
        now = time.monotonic()
        if now - self._decayed_at > 1:
            factor = 0.5 ** ((now - self._decayed_at) / _HALF_LIFE_SECONDS)
            self._decayed_at = now
            for kind in self._demand:
                self._demand[kind] *= factor
        prior = _PRIOR / max(1, len(self._pinned))
        return {kind: self._demand.get(kind, 0.0) + prior for kind in self._pinned}

    @staticmethod
    def _discard(boxes: deque[Box]) -> None:
        for box in boxes:
            box.discard()
