"""The idle boxes of a pool and their allocation to specs. Protected by the pool's lock."""

import time
from collections import deque
from collections.abc import Mapping

from bitrun.sandbox.box import Box
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.pool.allocation import allocate
from bitrun.sandbox.pool.demand import Demand

_MAX_AGE_SECONDS = 1800.0
_ALLOCATION_INTERVAL_SECONDS = 1.0


class IdleBoxes:
    """Idle boxes of the available specs. `boxes` is for reading, oldest first."""

    def __init__(self, places: int) -> None:
        self._places = places
        self.boxes: dict[BoxSpec, deque[Box]] = {}
        self._pinned: Mapping[BoxSpec, int] = {}
        self._demand: Demand[BoxSpec] = Demand()
        self._allocation: Mapping[BoxSpec, int] = {}
        self._allocated_at = 0.0

    def set_specs(self, pinned: Mapping[BoxSpec, int]) -> None:
        """Set the specs that can be requested, and how many boxes of each are kept in any case.

        Boxes of other specs are discarded: their image was removed or replaced.
        """
        self._pinned = pinned
        self._allocated_at = 0.0
        self._demand.retain(pinned.keys())
        for spec in self.boxes.keys() - pinned.keys():
            _discard(self.boxes.pop(spec))

    def count_request(self, spec: BoxSpec) -> None:
        """Count a request for this spec, whether or not a box is idle."""
        if spec in self._pinned:
            self._demand.count(spec)

    def take(self, spec: BoxSpec) -> Box | None:
        """Take the box of this spec that has been idle longest; None if there is none."""
        boxes = self.boxes.get(spec)
        while boxes:
            box = boxes.popleft()
            if box.is_idle():
                return box
            # Not `destroy`: its supervisor has exited, so the engine removes it by itself, and a
            # call to an engine in trouble would block all that wait for the pool's lock.
            box.discard()
        return None

    def add(self, spec: BoxSpec, box: Box) -> None:
        if spec in self._pinned:
            self.boxes.setdefault(spec, deque()).append(box)
        else:
            box.discard()  # its image was removed while it was being created

    def evict(self, spec: BoxSpec) -> None:
        """Discard the oldest box of a spec, to make room for another spec."""
        self.boxes[spec].popleft().discard()

    def discard_unusable(self) -> None:
        """Discard the boxes that have ended or are older than half an hour."""
        oldest = time.monotonic() - _MAX_AGE_SECONDS
        for boxes in self.boxes.values():
            for box in [each for each in boxes if each.created_at < oldest or not each.is_idle()]:
                boxes.remove(box)
                box.discard()

    def counts(self) -> dict[BoxSpec, int]:
        return {spec: len(boxes) for spec, boxes in self.boxes.items()}

    def allocation(self) -> Mapping[BoxSpec, int]:
        """Return how many idle boxes of each spec there should be.

        Computed at most once a second: the maker threads ask for it many times a run.
        """
        now = time.monotonic()
        if now - self._allocated_at >= _ALLOCATION_INTERVAL_SECONDS:
            self._allocated_at = now
            weights = self._demand.weights(self._pinned.keys())
            allocation = allocate(self._places, weights, self._pinned)
            # A spec without places still counts while it has boxes that can be evicted.
            self._allocation = {
                spec: places
                for spec, places in allocation.items()
                if places or self.boxes.get(spec)
            }
        return self._allocation

    def clear(self) -> None:
        for boxes in self.boxes.values():
            _discard(boxes)
        self.boxes.clear()


def _discard(boxes: deque[Box]) -> None:
    for box in boxes:
        box.discard()
