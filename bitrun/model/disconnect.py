"""Detects that the client of a request has disconnected, so that its run can end."""

from bitrun.model.errors import ClientDisconnected
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll


class ClientConnection:
    """The connection of a client.

    A client that closes only its sending side looks the same as one that has disconnected, and
    counts as such.
    """

    def __init__(self, connection: Pollable) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise ClientDisconnected if the client has hung up."""
        if poll({self._connection: HUNG_UP}, 0):
            raise ClientDisconnected

    def wait_for(self, source: Pollable, timeout_ms: float) -> None:
        """Wait until `source` is readable or the time is over.

        Raises:
            ClientDisconnected: the client hung up first.
        """
        ready = poll({source: READABLE, self._connection: HUNG_UP}, timeout_ms)
        if ready and source.fileno() not in ready:
            raise ClientDisconnected
