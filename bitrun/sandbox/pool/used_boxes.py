"""The used boxes of a pool, which wait to be discarded. Protected by the pool's lock."""

import heapq
from dataclasses import dataclass, field

from bitrun.sandbox.box import Box


@dataclass(order=True, slots=True)
class _Entry:
    rank: int
    box: Box = field(compare=False)


class UsedBoxes:
    """Boxes that may together hold `max_memory` bytes; the largest leave first.

    Discarding a box right after its run would cost the next runs processor time. Until then it
    keeps the files that its program has left, up to its memory limit.
    """

    def __init__(self, max_memory: int) -> None:
        self._max_memory = max_memory
        self._memory = 0
        self._heap: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, box: Box) -> list[Box]:
        """Add a box; return the boxes that are too much and must be discarded now."""
        self._memory += box.held_memory
        heapq.heappush(self._heap, _Entry(-box.held_memory, box))
        excess = []
        while self._memory > self._max_memory:
            excess.append(self.pop())
        return excess

    def pop(self) -> Box:
        """Remove the largest box and return it."""
        entry = heapq.heappop(self._heap)
        self._memory += entry.rank
        return entry.box
