"""The used boxes that wait for another run of their client. Protected by the pool's lock."""

import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bitrun.model.errors import BoxError, ResidueLeft
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_spec import BoxSpec

_MAX_AGE_SECONDS = 300.0  # from the start of a box's first run

# Why resets fail, for the metrics: the words of the supervisor, and its end or silence.
RESIDUES = ("processes", "files", "directories", "namespaces", "memory", "cleaner")
FAULT = "fault"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a used box may be lent to again: one client, for runs in boxes of one spec."""

    spec: BoxSpec
    client: str


class ReusableBoxes:
    """Boxes that are being reset or as new. `failures` counts resets that failed, by reason."""

    def __init__(self) -> None:
        self._boxes: dict[Owner, deque[Box]] = {}
        self.failures: Counter[str] = Counter(dict.fromkeys((*RESIDUES, FAULT), 0))

    def __len__(self) -> int:
        return sum(map(len, self._boxes.values()))

    def counts(self) -> Counter[BoxSpec]:
        """Return how many there are of each spec."""
        counts: Counter[BoxSpec] = Counter()
        for owner, boxes in self._boxes.items():
            counts[owner.spec] += len(boxes)
        return counts

    def has(self, owner: Owner) -> bool:
        """Whether there is a box of this owner, be it as new or not yet."""
        return owner in self._boxes

    def take(self, owner: Owner) -> Box | None:
        """Take the owner's box that was released first, if its reset is proven."""
        boxes = self._boxes.get(owner)
        box = None
        while boxes and box is None:
            try:
                if not boxes[0].is_reset():
                    return None
                box = boxes.popleft()
            except BoxError as error:
                self._fail(boxes.popleft(), error)
        if not boxes:
            self._boxes.pop(owner, None)
        return box

    def add(self, owner: Owner, box: Box) -> None:
        """Add a box whose reset has been started."""
        self._boxes.setdefault(owner, deque()).append(box)

    def pop(self) -> Box:
        """Remove the box that was released first of all, and return it."""
        owner = min(self._boxes, key=lambda each: self._boxes[each][0].released_at)
        boxes = self._boxes[owner]
        box = boxes.popleft()
        if not boxes:
            del self._boxes[owner]
        return box

    def discard_unusable(self, specs: Collection[BoxSpec]) -> None:
        """Discard boxes of other specs, those whose reset has failed, and old ones."""
        oldest = time.monotonic() - _MAX_AGE_SECONDS
        for owner, box in list(self._all()):
            try:
                box.is_reset()
                if owner.spec in specs and box.taken_at > oldest:
                    continue
                box.discard()
            except BoxError as error:
                self._fail(box, error)
            self._boxes[owner].remove(box)
            if not self._boxes[owner]:
                del self._boxes[owner]

    def clear(self) -> None:
        for _, box in self._all():
            box.discard()
        self._boxes.clear()

    def _all(self) -> Iterator[tuple[Owner, Box]]:
        for owner, boxes in self._boxes.items():
            for box in boxes:
                yield owner, box

    def _fail(self, box: Box, error: BoxError) -> None:
        reason = error.reason if isinstance(error, ResidueLeft) else FAULT
        self.failures[reason if reason in self.failures else FAULT] += 1
        _log.info("Box %s is not used again: %s", box.container[:12], error)
        box.discard()
