"""A budget of bytes that all requests together may hold: bodies being read, parsed or kept."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy

_CHECK_INTERVAL_SECONDS = 0.25  # between checks whether a waiting client is still connected


class Reservation:
    """Bytes of the budget that one request holds."""

    def __init__(self, budget: "MemoryBudget", size: int) -> None:
        self._budget = budget
        self.size = size

    def resize(self, size: int) -> None:
        """Give bytes back, or take more at once.

        Raises:
            Busy: the budget has no room for more. To wait for it while holding bytes that others
                wait for could end in a deadlock.
        """
        size = min(size, self._budget.total)
        self._budget.exchange(self.size, size)
        self.size = size


class MemoryBudget:
    """Bytes for the bodies of all requests. Threads share it."""

    def __init__(self, total: int, timeout: float) -> None:
        """Make a budget of `total` bytes, for which a request waits up to `timeout` seconds."""
        self.total = total
        self._free = total
        self._timeout = timeout
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        with self._changed:
            return self.total - self._free

    @contextmanager
    def reserve(
        self, size: int, connection: ClientConnection | None = None
    ) -> Iterator[Reservation]:
        """Hold bytes while the block runs. What exceeds the whole budget takes all of it.

        Raises:
            Busy: they did not come free in time.
            ClientDisconnected: the client hung up while it waited.
        """
        size = min(size, self.total)
        self._wait(size, connection)
        reservation = Reservation(self, size)
        try:
            yield reservation
        finally:
            reservation.resize(0)

    def exchange(self, held: int, size: int) -> None:
        """Take `size` bytes for those that are held, without waiting.

        Raises:
            Busy: there is no room for them; what is held stays so.
        """
        with self._changed:
            if size - held > self._free:
                raise Busy
            self._free -= size - held
            self._changed.notify_all()

    def _wait(self, size: int, connection: ClientConnection | None) -> None:
        deadline = time.monotonic() + self._timeout
        with self._changed:
            while size > self._free:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Busy
                self._changed.wait(min(left, _CHECK_INTERVAL_SECONDS))
                if connection is not None:
                    connection.check()
            self._free -= size
