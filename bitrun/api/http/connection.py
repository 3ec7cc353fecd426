"""The connection that a request came on."""

from collections.abc import Sequence
from ipaddress import ip_address

from flask import Request

from bitrun.access.identity import Address, Network, find_address
from bitrun.model.disconnect import ClientConnection

# Seconds that a client may take between two pieces of its request, or of our reply. A thread waits
# for each, and gunicorn itself sets no limit.
_PIECE_SECONDS = 10.0

_PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def set_timeout(request: Request) -> None:
    """Bound how long a client that sends or reads nothing holds its thread."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(_PIECE_SECONDS)


def client(request: Request) -> ClientConnection | None:
    """Return the client to watch; None where the server in front does not tell of it."""
    connection = request.environ.get("gunicorn.socket")
    return None if connection is None else ClientConnection(connection)


def address(request: Request, proxies: Sequence[Network]) -> Address | None:
    """Tell the address of who asks, also where trusted proxies have passed it on."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return find_address(request.remote_addr or "", forwarded, proxies)


def is_local(request: Request) -> bool:
    """Whether a request was made on this machine, and not passed on by a proxy that runs on it."""
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:  # a Unix socket, where a proxy stands at the other end
        return False
