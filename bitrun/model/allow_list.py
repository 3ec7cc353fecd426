"""The hosts that programs may connect to: exact names, `*.suffix`, addresses, and their ports."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Self

DEFAULT_PORTS = (80, 443)

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-f]+")  # what else a resolver takes for an address
_MAX_NAME = 253  # characters
_MAX_PORT = 65535
_MAX_SHOWN = 100  # characters of what a request has sent


@dataclass(frozen=True, slots=True)
class Host:
    """A name, a pattern of names (`*.example.org`) or an address, and the ports to connect to.

    `ports` is empty if the text names none.
    """

    name: str
    ports: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST` or `HOST:PORT`.

        Raises:
            ValueError: it is neither; the text says what it has to be.
        """
        name, colon, port = text.lower().partition(":")
        name = name.removesuffix(".")
        if not _is_name(name) and not _is_address(name):
            raise ValueError(
                f"{text[:_MAX_SHOWN]} is no host: a name, such as pypi.org, *. and a name for all "
                f"below it, or an IPv4 address; a port may follow a colon"
            )
        if colon and not (port.isascii() and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
            raise ValueError(f"{text[:_MAX_SHOWN]} has no port from 1 to {_MAX_PORT}")
        return cls(name, (int(port),) if colon else ())

    def covers(self, name: str) -> bool:
        """Whether a name, or every name of a pattern, is this one or matches this pattern."""
        return name == self.name or (
            self.name.startswith("*.") and name.endswith(self.name.removeprefix("*"))
        )


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator allows: hosts, and networks of which the addresses are allowed.

    A name on the list may lead to a private address only if a network here has it.
    """

    hosts: tuple[Host, ...] = ()
    networks: tuple[IPv4Network, ...] = ()

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """Read hosts and networks such as `10.1.0.0/16`.

        Raises:
            ValueError: a word is neither.
        """
        hosts: list[Host] = []
        networks: list[IPv4Network] = []
        for word in words:
            if "/" in word:
                networks.append(_network(word))
                continue
            host = Host.parse(word)
            hosts.append(host)
            if _is_address(host.name):
                networks.append(IPv4Network(host.name))
        return cls(tuple(hosts), tuple(networks))

    def __bool__(self) -> bool:
        return bool(self.hosts or self.networks)

    @property
    def patterns(self) -> tuple[str, ...]:
        """All hosts as `HOST:PORT`."""
        return tuple(
            dict.fromkeys(
                f"{host.name}:{port}" for host in self.hosts for port in host.ports or DEFAULT_PORTS
            )
        )

    def select(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return the patterns `HOST:PORT` of hosts that a request names, a part of this list.

        Without a port, these are all ports that the list has of the host.

        Raises:
            ValueError: one is no host, or this list does not have it.
        """
        return tuple(
            dict.fromkeys(
                f"{host.name}:{port}"
                for host in map(Host.parse, wanted)
                for port in self._ports(host)
            )
        )

    def _ports(self, host: Host) -> list[int]:
        ports = {
            port
            for each in self.hosts
            if each.covers(host.name)
            for port in each.ports or DEFAULT_PORTS
        }
        if any(_contains(network, host.name) for network in self.networks):
            ports |= {*DEFAULT_PORTS}
        selected = ports.intersection(host.ports) if host.ports else ports
        if not selected:
            there_are = ", ".join(self._names()) or "none"
            asked = ":".join((host.name, *map(str, host.ports)))
            raise ValueError(f"{asked} is not among the hosts that are possible here: {there_are}")
        return sorted(selected)

    def _names(self) -> list[str]:
        names = [":".join((host.name, *map(str, host.ports))) for host in self.hosts]
        return [*names, *(str(each) for each in self.networks if each.num_addresses > 1)]


def _is_name(name: str) -> bool:
    return (
        len(name) <= _MAX_NAME
        and _NAME.fullmatch(name) is not None
        # The last label of a name has a letter: anything else may be an address in disguise.
        and _NUMBERS.fullmatch(name.rpartition(".")[2]) is None
    )


def _is_address(name: str) -> bool:
    try:
        return isinstance(ip_address(name), IPv4Address)
    except ValueError:
        return False


def _contains(network: IPv4Network, name: str) -> bool:
    # An address on the list is a host of its own, with ports.
    return network.num_addresses > 1 and _is_address(name) and IPv4Address(name) in network


def _network(word: str) -> IPv4Network:
    try:
        return IPv4Network(word)
    except ValueError:
        raise ValueError(
            f"{word} is no network of IPv4: an address and the length of its prefix, such as "
            f"10.1.0.0/16, without bits after it"
        ) from None
