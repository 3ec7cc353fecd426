"""A budget of bytes that all requests together may hold: bodies being read, parsed or kept."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import Busy


class Reservation:
    """Bytes of the budget that one request of a client holds."""

    def __init__(self, budget: "MemoryBudget", size: int, client: str | None) -> None:
        self._budget = budget
        self._client = client
        self.size = size

    def resize(self, size: int) -> None:
        """Give bytes back, or take more at once.

        Raises:
            Busy: the budget has no room for more. To wait for it while holding bytes that others
                wait for could end in a deadlock.
        """
        size = min(size, self._budget.total)
        self._budget.exchange(self.size, size, self._client)
        self.size = size


class MemoryBudget:
    """Bytes for the bodies of all requests. Threads share it.

    All requests of one client may hold half of them, a single one all: a few that send or read a
    byte now and then would otherwise keep everybody out, for as long as they like.
    """

    def __init__(self, total: int, timeout: float) -> None:
        """Make a budget of `total` bytes, for which a request waits up to `timeout` seconds."""
        self.total = total
        self._free = total
        self._held: Counter[str] = Counter()  # by client
        self._timeout = timeout
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        with self._changed:
            return self.total - self._free

    @contextmanager
    def reserve(
        self, size: int, connection: ClientConnection | None = None, client: str | None = None
    ) -> Iterator[Reservation]:
        """Hold bytes while the block runs. What exceeds the whole budget takes all of it.

        `client` is whose requests may hold half of the budget; None has no such limit.

        Raises:
            Busy: they did not come free in time.
            ClientDisconnected: the client hung up while it waited.
        """
        size = min(size, self.total)
        self._wait(size, connection, client)
        reservation = Reservation(self, size, client)
        try:
            yield reservation
        finally:
            reservation.resize(0)

    def exchange(self, held: int, size: int, client: str | None) -> None:
        """Take `size` bytes for those that a client holds, without waiting.

        Raises:
            Busy: there is no room for them; what is held stays so.
        """
        with self._changed:
            if size - held > self._room(client, held):
                raise Busy
            self._take(size - held, client)
            self._changed.notify_all()

    def _room(self, client: str | None, held: int = 0) -> int:
        """Return what a client may take for a request that holds so many bytes already."""
        if client is None or self._held[client] == held:
            return self._free  # it has no other request
        return min(self._free, self.total // 2 - self._held[client])

    def _take(self, size: int, client: str | None) -> None:
        self._free -= size
        if client is not None:
            self._held[client] += size
            if not self._held[client]:
                del self._held[client]

    def _wait(self, size: int, connection: ClientConnection | None, client: str | None) -> None:
        deadline = time.monotonic() + self._timeout
        with self._changed:
            while size > self._room(client):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Busy
                self._changed.wait(min(left, CHECK_SECONDS))
                if connection is not None:
                    connection.check()
            self._take(size, client)
