"""The part of squid's configuration that depends on the operator (images/egress/squid.conf)."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, collapse_addresses
from urllib.parse import urlsplit

from bitrun.model.errors import EgressUnavailable

# Networks that nobody reaches over the internet; the operator's list can open them.
_PRIVATE = tuple(
    map(
        IPv4Network,
        """
        10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
        192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
        """.split(),
    )
)

# The proxy's own machine, link-local addresses (which the metadata of a cloud has) and multicast:
# closed whatever is listed. Of IPv6 all that leads to the same places, also by translation.
_CLOSED = """
    0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4
    ::/128 ::1/128 64:ff9b::/96 64:ff9b:1::/48 2001::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10
    ff00::/8
""".split()

_DEFAULT_PORTS = {"http": 80, "https": 443}


def site_conf(networks: Iterable[IPv4Network], environment: Mapping[str, str]) -> str:
    """Return `site.conf`.

    `networks` are open although they are private. `environment` may name a proxy of the operator's,
    `https_proxy` and `no_proxy` in either case: then squid connects through that one.
    """
    lines = [f"acl private dst {network}" for network in [*_without(networks), *_CLOSED]]
    return "\n".join([*lines, *_parent(environment)]) + "\n"


def _without(networks: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Return the private networks without the open ones."""
    private = list(_PRIVATE)
    for open_ in networks:
        private = [rest for each in private for rest in _subtract(each, open_)]
    return collapse_addresses(private)


def _subtract(network: IPv4Network, other: IPv4Network) -> Iterable[IPv4Network]:
    if network.subnet_of(other):
        return ()
    return network.address_exclude(other) if other.subnet_of(network) else (network,)


def _parent(environment: Mapping[str, str]) -> Iterator[str]:
    url = _variable(environment, "https_proxy") or _variable(environment, "http_proxy")
    if not url:
        return
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host, port = "", 0
    if not host or any(each.isspace() for each in url):
        # Not shown: it may hold a password.
        raise EgressUnavailable("https_proxy is no address such as http://proxy.example:3128")
    options = "no-query no-digest no-netdb-exchange default"
    if parts.scheme == "https":
        options += " tls"
    if parts.username:
        options += f" login={parts.username}:{parts.password or ''}"
    if direct := _variable(environment, "no_proxy"):
        names = [each.strip().lstrip("*") for each in direct.split(",")]
        names = [name for name in names if name and not any(each.isspace() for each in name)]
        yield from (f"acl direct dstdomain -n {name}" for name in names)
        if names:
            yield "always_direct allow direct"
    yield f"cache_peer {host} parent {port} 0 {options}"
    yield "never_direct allow all"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""
