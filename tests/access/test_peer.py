"""Whose process is at the other end of a loopback connection."""

import socket
import subprocess
import sys

import pytest

from bitrun.access.peer import is_operator

_CONNECT = """
import encodings.idna, os, socket, sys  # the other user may not be able to read the library
os.setuid(int(sys.argv[2]))
connection = socket.create_connection((sys.argv[3], int(sys.argv[1])))
connection.recv(1)
"""


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.5", "::1"])
def test_our_own_connections_are_an_operators(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((address, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]),
    ):
        accepted, peer = server.accept()
        with accepted:
            assert is_operator(peer[:2], accepted.getsockname()[:2])


def test_a_proxy_that_dropped_its_privileges_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-c", _CONNECT, str(port), "65534", "127.0.0.1"]
        )
        accepted, peer = server.accept()
        with accepted:
            assert not is_operator(peer, accepted.getsockname())
        process.wait(5)


def test_an_unknown_connection_is_none() -> None:
    assert not is_operator(("127.0.0.1", 1), ("127.0.0.1", 2))
