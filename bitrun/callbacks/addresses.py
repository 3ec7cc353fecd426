"""Which addresses a callback may go to, and how its URL is read.

A client could have the service call what only the service can reach: the machine itself, its
network, the metadata of its cloud. So a callback goes to addresses of the Internet only, and to the
networks that the operator lists. What counts is the address that is connected to: a name may be
looked up with another answer each time.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urljoin, urlsplit

from bitrun.access.identity import Address, Network, within
from bitrun.model.errors import RequestError

_PORTS = {"http": 80, "https": 443}
_MAX_URL = 2048
_PRINTABLE = re.compile(r"[!-~]+")
_MAX_SHOWN = 100

# Addresses of clouds' agents and metadata that pass for public ones: Azure's, and Oracle's.
_METADATA = (ipaddress.IPv4Network("168.63.129.16/32"), ipaddress.IPv4Network("192.0.0.0/24"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


class CallbackRefused(RequestError):
    """A callback can't go to this URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads to. `path` has the query string, `authority` is the header `Host`."""

    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def read_url(url: str, base: str = "") -> Target:
    """Read the URL of a callback; it may be relative to a `base`, as that of a redirect.

    Raises:
        CallbackRefused: it is none of HTTP, or has a user and a password.
    """
    shown = url[:_MAX_SHOWN]
    # urlsplit() removes line breaks without a word.
    if len(url) > _MAX_URL or not _PRINTABLE.fullmatch(url):
        raise CallbackRefused(
            f"must be a URL of at most {_MAX_URL} printable ASCII characters, not {shown!r}"
        )
    try:
        parts = urlsplit(urljoin(base, url))
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise CallbackRefused(f"is no URL: {shown}") from error
    if parts.scheme not in _PORTS or not host:
        raise CallbackRefused(f"must begin with http:// or https:// and a host, not {shown}")
    if "@" in parts.netloc:
        raise CallbackRefused("must have no user and password: put a secret into its path")
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        parts.scheme,
        host,
        port or _PORTS[parts.scheme],
        (parts.path or "/") + query,
        parts.netloc,
    )


def check_literal(target: Target, allowed: Sequence[Network]) -> None:
    """Refuse a URL whose host is an address of the inside; names are looked up when it is called.

    Raises:
        CallbackRefused: it is one.
    """
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        return
    _check(target, address, allowed)


def resolve(target: Target, allowed: Sequence[Network]) -> Address:
    """Look the host up, and return an address of it.

    Raises:
        CallbackRefused: one of its addresses is of the inside, or it can be no name.
        OSError: it has none.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a part of it is empty or too long
        raise CallbackRefused(f"has no host name: {target.host[:_MAX_SHOWN]}") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        _check(target, address, allowed)
    return addresses[0]


def _check(target: Target, address: Address, allowed: Sequence[Network]) -> None:
    for each in _meant(address):
        if (not _is_public(each) or _is_own(each)) and not within(each, allowed):
            raise CallbackRefused(
                f"leads to {address}, which is not on the Internet: the operator can list its"
                f" network in BITRUN_CALLBACK_NETWORKS ({target.host[:_MAX_SHOWN]})"
            )


def _meant(address: Address) -> Iterator[Address]:
    """Give the address, and the IPv4 address that packets to it are translated to."""
    if isinstance(address, IPv4Address):
        yield address
        return
    embedded = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        embedded = address.teredo[1]
    if address in _NAT64:
        embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is None:
        yield address
    if embedded is not None:
        yield embedded


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not within(address, _METADATA)
    if address in _NAT64:
        return True  # what counts is the IPv4 address in it
    return address.is_global and address in _GLOBAL_UNICAST


def _is_own(address: Address) -> bool:
    """Whether an address is one of this machine, for which no firewall in front of it counts."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
