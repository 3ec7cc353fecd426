"""The connection of a request's client: detects its end, so that the run can end, too."""

from collections.abc import Iterable

from bitrun.model.errors import ClientDisconnected
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll

# Between two checks of a thread that waits for something else than the client's connection.
CHECK_SECONDS = 0.25


class ClientConnection:
    """The connection of a client.

    A client that closes only its sending side looks the same as one that has disconnected, and
    counts as such. `owner` is the name under which used boxes may be kept for the client; None if
    it can't be identified.
    """

    def __init__(self, connection: Pollable, owner: str | None = None) -> None:
        self.owner = owner
        self._connection = connection
        self._ended = False

    def end(self) -> None:
        """Count the client as disconnected, for other threads that work for it.

        They notice it at their next wait, so within its timeout.
        """
        self._ended = True

    def check(self) -> None:
        """Raise ClientDisconnected if the client has hung up."""
        if self._ended or poll({self._connection: HUNG_UP}, 0):
            raise ClientDisconnected

    def wait_for(self, source: Pollable, timeout_ms: float) -> None:
        """Wait until `source` is readable or the time is over.

        Raises:
            ClientDisconnected: the client hung up first.
        """
        self.wait_for_any((source,), timeout_ms)

    def wait_for_any(self, sources: Iterable[Pollable], timeout_ms: float) -> set[int]:
        """Wait until one of several is readable; return the descriptors of those that are.

        Raises:
            ClientDisconnected: the client hung up first.
        """
        if self._ended:
            raise ClientDisconnected
        wanted: dict[Pollable, int] = dict.fromkeys(sources, READABLE)
        ready = poll(wanted | {self._connection: HUNG_UP}, timeout_ms)
        found = {source.fileno() for source in wanted} & ready.keys()
        if ready and not found:
            raise ClientDisconnected
        return found
