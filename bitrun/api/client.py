"""The connection that a request came on."""

from flask import Request

from bitrun.caller import Caller

# Seconds that a client may take between two pieces of its request, or of our reply. A thread waits
# for each, and gunicorn itself sets no limit.
_PIECE_SECONDS = 10.0


def limit_patience(request: Request) -> None:
    """Bound how long a client that sends or reads nothing holds its thread."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(_PIECE_SECONDS)


def client(request: Request) -> Caller | None:
    """Return the client to watch; None where the server in front does not tell of it."""
    connection = request.environ.get("gunicorn.socket")
    return None if connection is None else Caller(connection)
