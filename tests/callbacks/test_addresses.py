"""Which addresses a callback may go to."""

import ipaddress
import socket
from typing import Any

import pytest

from bitrun.callbacks import addresses
from bitrun.callbacks.addresses import CallbackRefused, check_literal, read_url, resolve

INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "fec0::1",
]  # fmt: skip


def url_of(address: str) -> str:
    return f"http://[{address}]/x" if ":" in address else f"http://{address}/x"


@pytest.mark.attack(
    "request", "callbacks to 28 addresses of the inside", "refused, however they are written"
)
@pytest.mark.parametrize("address", INSIDE)
def test_the_inside_is_refused(address: str) -> None:
    target = read_url(url_of(address))
    with pytest.raises(CallbackRefused, match="not on the Internet"):
        check_literal(target, ())
    with pytest.raises(CallbackRefused, match="not on the Internet"):
        resolve(target, ())


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost"])
def test_other_ways_to_write_an_address(host: str) -> None:
    """The resolver reads them as addresses, and what it says is checked."""
    with pytest.raises((CallbackRefused, OSError)):
        resolve(read_url(f"http://{host}/"), ())


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1"])
def test_the_internet_is_not(address: str) -> None:
    target = read_url(url_of(address))
    check_literal(target, ())
    assert resolve(target, ()) == ipaddress.ip_address(address)


def test_the_operator_lists_networks() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("::1/128")]
    check_literal(read_url("http://10.1.2.3/"), allowed)
    check_literal(read_url("http://[::1]:8080/"), allowed)
    with pytest.raises(CallbackRefused):
        check_literal(read_url("http://10.2.2.3/"), allowed)


def test_one_address_of_the_inside_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> Any:
        return [(2, 1, 6, "", ("1.1.1.1", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(CallbackRefused, match=r"leads to 127\.0\.0\.1"):
        resolve(read_url("http://two.example/"), ())


def test_the_machine_itself_by_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not behind its firewall for its own connections."""
    monkeypatch.setattr(addresses, "_is_public", lambda _: True)
    check_literal(read_url("http://1.1.1.1/"), ())
    with pytest.raises(CallbackRefused, match="not on the Internet"):
        check_literal(read_url("http://127.0.0.1/"), ())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "must begin with http"),
        ("file:///etc/passwd", "must begin with http"),
        ("//example.com/", "must begin with http"),
        ("http://", "must begin with http"),
        ("http://user:pw@example.com/", "no user and password"),
        ("http://example.com@10.0.0.1/", "no user and password"),
        ("http://example.com/\r\nX-A: b", "printable ASCII"),
        ("http://example.com/a b", "printable ASCII"),
        ("http://exämple.com/", "printable ASCII"),
        ("http://example.com:99999/", "is no URL"),
        ("http://[::1/", "is no URL"),
        ("http://example.com/" + "x" * 2048, "at most 2048"),
    ],
)
def test_what_is_no_url(url: str, words: str) -> None:
    with pytest.raises(CallbackRefused, match=words):
        read_url(url)


def test_a_url_is_read() -> None:
    target = read_url("https://example.com:8443?a=b#fragment")
    assert (target.host, target.port, target.path) == ("example.com", 8443, "/?a=b")
    assert target.authority == "example.com:8443"
    assert read_url("http://EXAMPLE.com/x").port == 80
