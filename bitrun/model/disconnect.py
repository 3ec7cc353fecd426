"""The one who asked: a run whose caller is gone is not worth going on with."""

from bitrun.model.errors import ClientDisconnected
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll


class ClientConnection:
    """A client's connection, watched for its end.

    A client that closes only its sending side can't be told from one that is gone, and counts as
    gone.
    """

    def __init__(self, connection: Pollable) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise ClientDisconnected if the client has hung up."""
        if poll({self._connection: HUNG_UP}, 0):
            raise ClientDisconnected

    def wait_for(self, source: Pollable, timeout_ms: float) -> None:
        """Wait until `source` has something to read, or return without when the time is over.

        Raises:
            ClientDisconnected: the client hung up first.
        """
        ready = poll({source: READABLE, self._connection: HUNG_UP}, timeout_ms)
        if ready and source.fileno() not in ready:
            raise ClientDisconnected
