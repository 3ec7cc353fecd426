"""Which web pages may use the service through a visitor's browser.

Without tokens the service trusts its machine, and a browser on that machine runs pages of everyone:
a form of any page can send a request to loopback, and a name that resolves to loopback (DNS
rebinding) lets a page read the answer as well. The former shows by its Origin, the latter by its
Host. With tokens neither matters: a page would have to know one.
"""

import ipaddress
from urllib.parse import urlsplit

from flask import Request

from bitrun.model.errors import CrossOriginRequest, HostNotAllowed

_SAFE = ("GET", "HEAD", "OPTIONS")


def check_host(request: Request) -> None:
    """Check that a request names the machine that it is sent to.

    Raises:
        HostNotAllowed: its Host is no name of loopback.
    """
    if not is_loopback_name(hostname(f"//{request.host}")):
        raise HostNotAllowed(request.host)


def check_origin(request: Request) -> None:
    """Check that no page of another site sends a request that runs or changes something.

    Raises:
        CrossOriginRequest: its Origin is another than the service's own.
    """
    is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    if request.method in _SAFE and not is_upgrade:
        return
    if not fits(request):
        raise CrossOriginRequest


def fits(request: Request) -> bool:
    """Whether the Origin, if there is one, is the service's own. `null` is everyone's."""
    origin = request.headers.get("Origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:  # brackets around what is no address
        return False


def is_loopback_name(name: str | None) -> bool:
    """Whether a host name always means this machine, whatever a name server answers."""
    if name is None:
        return False
    name = name.rstrip(".")
    # RFC 6761, section 6.3: no name server is asked for those.
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def hostname(url: str) -> str | None:
    """Return the host name of a URL, in lower case and without its port."""
    try:
        return urlsplit(url).hostname
    except ValueError:  # brackets around what is no address
        return None
