"""Clients that hang up, or are taken for gone."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import ClientDisconnected


class Pipe:
    """Something to wait for; `write` makes it readable."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        return self._read

    def write(self) -> None:
        os.write(self._write, b"x")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@contextmanager
def connected() -> Iterator[tuple[ClientConnection, socket.socket, Pipe, Pipe]]:
    ours, theirs = socket.socketpair()
    pipes = Pipe(), Pipe()
    with ours, theirs:
        yield ClientConnection(ours), theirs, *pipes
    for pipe in pipes:
        pipe.close()


def test_which_is_ready() -> None:
    with connected() as (connection, _, first, second):
        assert connection.wait_for_any((first, second), 1) == set()
        second.write()
        assert connection.wait_for_any((first, second), 1000) == {second.fileno()}
        connection.wait_for(first, 1)
        first.write()
        assert connection.wait_for_any((first, second), 1000) == {
            first.fileno(), second.fileno(),
        }  # fmt: skip


def test_a_client_that_hangs_up() -> None:
    with connected() as (connection, client, first, second):
        client.shutdown(socket.SHUT_WR)
        for wait in (connection.check, lambda: connection.wait_for_any((first, second), 1000)):
            with pytest.raises(ClientDisconnected):
                wait()
        first.write()  # what is there is read first
        assert connection.wait_for_any((first, second), 1000) == {first.fileno()}


def test_a_client_that_is_taken_for_gone() -> None:
    with connected() as (connection, _, first, second):
        first.write()
        connection.end()
        for wait in (
            connection.check,
            lambda: connection.wait_for(first, 1000),
            lambda: connection.wait_for_any((first, second), 1000),
        ):
            with pytest.raises(ClientDisconnected):
                wait()
