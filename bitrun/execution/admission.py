"""How many runs at once, how many may wait for a place, and for how long."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, ClientDisconnected

_LOOK_SECONDS = 0.25  # between looks at whether one who waits is still there


@dataclass(frozen=True, slots=True)
class AdmissionStats:
    """Places, those taken, who waits for one, and how many left without, by the reason.

    The reasons: `full` (the queue), `late` (waited in vain), `gone` (hung up while waiting).
    """

    places: int
    taken: int
    waiting: int
    rejected: Mapping[str, int]


class Admission:
    """Places for runs, and a queue of bounded length and patience before them."""

    def __init__(self, runs: int, queue: int, patience: float) -> None:
        self._runs = runs
        self._queue_length = queue
        self._free = runs
        self._room = queue
        self._turned_away: Counter[str] = Counter(dict.fromkeys(("full", "late", "gone"), 0))
        self._patience = patience
        self._freed = threading.Condition()

    @contextmanager
    def place(self, caller: ClientConnection | None = None) -> Iterator[None]:
        """Hold a place while the block runs.

        Raises:
            Busy: the queue is full, or no place came free in time.
            ClientDisconnected: the client hung up while it waited.
        """
        self._enter(caller)
        try:
            yield
        finally:
            with self._freed:
                self._free += 1
                self._freed.notify()

    def stats(self) -> AdmissionStats:
        with self._freed:
            return AdmissionStats(
                places=self._runs,
                taken=self._runs - self._free,
                waiting=self._queue_length - self._room,
                rejected=dict(self._turned_away),
            )

    def _enter(self, caller: ClientConnection | None) -> None:
        with self._freed:
            if self._free == 0:
                if self._room == 0:
                    self._turned_away["full"] += 1
                    raise Busy
                self._room -= 1
                try:
                    self._queue(caller)
                except Busy:
                    self._turned_away["late"] += 1
                    raise
                except ClientDisconnected:
                    self._turned_away["gone"] += 1
                    raise
                finally:
                    self._room += 1
            self._free -= 1

    def _queue(self, caller: ClientConnection | None) -> None:
        deadline = time.monotonic() + self._patience
        while self._free == 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Busy
            self._freed.wait(min(left, _LOOK_SECONDS))
            if caller is not None:
                caller.check()
