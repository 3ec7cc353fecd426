"""How many runs at once, how many may wait for a place, and for how long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.caller import Caller
from bitrun.faults import Busy

_LOOK_SECONDS = 0.25  # between looks at whether one who waits is still there


class Admission:
    """Places for runs, and a queue of bounded length and patience before them."""

    def __init__(self, runs: int, queue: int, patience: float) -> None:
        self._free = runs
        self._room = queue
        self._patience = patience
        self._freed = threading.Condition()

    @contextmanager
    def place(self, caller: Caller | None = None) -> Iterator[None]:
        """Hold a place while the block runs.

        Raises:
            Busy: the queue is full, or no place came free in time.
            CallerGone: the client hung up while it waited.
        """
        self._enter(caller)
        try:
            yield
        finally:
            with self._freed:
                self._free += 1
                self._freed.notify()

    def _enter(self, caller: Caller | None) -> None:
        with self._freed:
            if self._free == 0:
                if self._room == 0:
                    raise Busy
                self._room -= 1
                try:
                    self._queue(caller)
                finally:
                    self._room += 1
            self._free -= 1

    def _queue(self, caller: Caller | None) -> None:
        deadline = time.monotonic() + self._patience
        while self._free == 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Busy
            self._freed.wait(min(left, _LOOK_SECONDS))
            if caller is not None:
                caller.check()
