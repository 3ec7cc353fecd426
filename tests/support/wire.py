"""Requests written byte by byte, for what no client library would send."""

import json
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tests.support.server import Server


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def post(path: str, kind: str, body: bytes, *headers: str) -> bytes:
    """Write a whole request."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", *headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def dial(server: Server, timeout: float = 40) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def read_reply(connection: socket.socket) -> Reply | None:
    """Read one reply; None if the connection ends without."""
    with closing(connection.makefile("rb")) as stream:
        first = stream.readline().split()
        if not first:
            return None
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        return Reply(int(first[1]), headers, stream.read(int(headers.get("content-length", 0))))


def talk(server: Server, sent: bytes, timeout: float = 40) -> Reply | None:
    """Send bytes, say that no more come, and read one reply."""
    with dial(server, timeout) as connection:
        connection.sendall(sent)
        return read_reply(connection)
