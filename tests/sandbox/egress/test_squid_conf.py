"""What squid is told of the operator's networks and proxy."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

import pytest

from bitrun.model.errors import EgressUnavailable
from bitrun.sandbox.egress.squid_conf import site_conf


def is_private(conf: str, address: str) -> bool:
    found = ip_address(address)
    networks = [
        ip_network(line.split()[-1])
        for line in conf.splitlines()
        if line.startswith("acl private dst ")
    ]
    assert networks
    return any(found in network for network in networks if network.version == found.version)


PRIVATE = ("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1")
CLOSED = (
    "127.0.0.1", "127.1.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1",
    "::", "fe80::1", "fd00::1", "ff02::1", "64:ff9b::a00:1", "2002:a00:1::",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "172.32.0.1", "151.101.0.223", "2a04:4e42::223")


def test_private_addresses_are_closed() -> None:
    conf = site_conf([], {})
    assert all(is_private(conf, each) for each in PRIVATE + CLOSED)
    assert not any(is_private(conf, each) for each in PUBLIC)


def test_the_operator_opens_networks() -> None:
    conf = site_conf([IPv4Network("10.1.2.0/24"), IPv4Network("192.168.0.0/16")], {})
    assert not is_private(conf, "10.1.2.3")
    assert not is_private(conf, "192.168.1.1")
    # All around it stays closed, to the address.
    for address in (IPv4Address("10.1.1.255"), IPv4Address("10.1.3.0"), "10.255.0.1", "172.16.0.1"):
        assert is_private(conf, str(address))
    assert not any(is_private(conf, each) for each in PUBLIC)


def test_some_are_closed_whatever_is_listed() -> None:
    conf = site_conf([IPv4Network("0.0.0.0/0")], {})
    assert all(is_private(conf, each) for each in CLOSED)
    assert not any(is_private(conf, each) for each in PRIVATE + PUBLIC)


def test_the_operators_proxy() -> None:
    environment = {
        "https_proxy": "http://alice:p%40ss@proxy.example:8080/",
        "NO_PROXY": "localhost,.example.org, *.example.com",
    }
    lines = site_conf([], environment).splitlines()
    (peer,) = (line for line in lines if line.startswith("cache_peer"))
    assert peer.startswith("cache_peer proxy.example parent 8080 0 ")
    assert peer.endswith(" login=alice:p%40ss")
    assert "never_direct allow all" in lines
    assert "acl direct dstdomain -n .example.org" in lines
    assert "acl direct dstdomain -n .example.com" in lines
    assert "always_direct allow direct" in lines
    assert "cache_peer" not in site_conf([], {})


def test_a_proxy_by_https() -> None:
    conf = site_conf([], {"HTTP_PROXY": "https://proxy.example"})
    assert "cache_peer proxy.example parent 443 0 " in conf
    assert " tls\n" in conf


@pytest.mark.parametrize(
    "url", ["https://", "socks5://proxy", "http://a:b", "http://proxy:1\nhttp_access allow all"]
)
def test_a_proxy_that_is_none(url: str) -> None:
    with pytest.raises(EgressUnavailable) as refused:
        site_conf([], {"https_proxy": url})
    assert url not in str(refused.value)
