"""Identifies a client for the limits: by its token, or else by its address."""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from bitrun.access.tokens import Token, Tokens
from bitrun.config.settings import PREFIX, Settings, SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SITE_BITS = 64  # prefix of an IPv6 network; one site usually has at least that


class ExemptClients:
    """The clients to which no limit applies, by network or by the name of their token."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        """Read `BITRUN_UNLIMITED_CLIENTS`.

        Raises:
            SettingsError: an entry is neither a network nor the name of a token.
        """
        networks = {word: _network(word) for word in settings.unlimited_clients}
        self._networks = [network for network in networks.values() if network is not None]
        self._names = {word for word, network in networks.items() if network is None}
        for name in self._names - tokens.names:
            raise SettingsError(
                f"{PREFIX}UNLIMITED_CLIENTS: {name} is neither a network nor the name of a token"
            )

    def __contains__(self, client: tuple[Token | None, Address | None]) -> bool:
        token, address = client
        return (token is not None and token.name in self._names) or within(address, self._networks)


def find_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> Address | None:
    """Find the address of a client: the last one that is not a trusted proxy's.

    `forwarded` is `X-Forwarded-For`, to which each proxy appends the address that connected to it.
    So it is read from its end, and only as far as trusted proxies wrote it: everything before that
    may have been sent by the client itself.

    Returns:
        None where the peer has no address, as on a Unix socket.
    """
    address = _address(peer)
    hops = forwarded.split(",") if forwarded else []
    while hops and within(address, proxies):
        before = _address(hops.pop().strip())
        if before is None:
            break
        address = before
    return address


def within(address: Address | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in networks)


def key(token: Token | None, address: Address | None) -> str:
    """Return the name under which a client is counted, the same in every replica."""
    if token is not None:
        return f"token {token.name}"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _SITE_BITS), strict=False))
    return str(address)


def box_owner(token: Token | None, address: Address | None) -> str | None:
    """Return the name under which a client's used boxes are kept for it.

    None for a client that can't be identified. Unlike for the limits, a network of IPv6 is
    not one client: who shares it need not share boxes.
    """
    if token is not None:
        return f"token {token.name}"
    return None if address is None else str(address)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # An IPv4 client on a dual-stack socket.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _network(word: str) -> Network | None:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        return None
