"""The connection of a request: its timeout, the client's address, and its end."""

from collections.abc import Sequence
from ipaddress import ip_address

from flask import Request

from bitrun.access import peer
from bitrun.access.identity import Address, Network, find_address
from bitrun.api.http import origin
from bitrun.model.disconnect import ClientConnection

# Between two reads of the request, or two writes of the reply. Each blocks a thread, and gunicorn
# itself sets no limit.
_IO_TIMEOUT_SECONDS = 10.0

_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def set_timeout(request: Request) -> None:
    """Limit how long a client that neither sends nor reads can block a thread."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(_IO_TIMEOUT_SECONDS)


def client_connection(request: Request, owner: str | None = None) -> ClientConnection | None:
    """Return the connection to watch; None if the WSGI server does not expose its socket.

    `owner` is that of the boxes, see `ClientConnection`.
    """
    connection = request.environ.get("gunicorn.socket")
    return None if connection is None else ClientConnection(connection, owner)


def address(request: Request, proxies: Sequence[Network]) -> Address | None:
    """Return the address of the client, as trusted proxies forward it; None if there is none."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return find_address(request.remote_addr or "", forwarded, proxies)


def is_forwarded(request: Request) -> bool:
    """Whether a request has come through a proxy, trusted or not."""
    return any(name in request.headers for name in _PROXY_HEADERS)


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine, and not through a proxy that runs on it."""
    if is_forwarded(request):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:  # a Unix socket, with a proxy at the other end
        return False


def is_operator(request: Request) -> bool:
    """Whether root or the service's own user has sent a request on this machine.

    By the headers alone a proxy without `X-Forwarded-For` passes for a local client: it writes a
    Host that fits, too. So a page's Origin must be there and fit, which a browser writes and our
    own client, and the process at the other end must be one that an operator could have started.
    """
    connection = request.environ.get("gunicorn.socket")
    return (
        is_local(request)
        and origin.is_loopback_name(origin.hostname(f"//{request.host}"))
        and "Origin" in request.headers
        and origin.fits(request)
        and connection is not None
        and peer.is_operator(connection.getpeername()[:2], connection.getsockname()[:2])
    )
