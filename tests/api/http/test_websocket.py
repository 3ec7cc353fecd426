"""A WebSocket, over a pair of sockets."""

import socket
import threading
import time

import pytest

from bitrun.api.http import websocket
from bitrun.api.http.memory_budget import MemoryBudget
from bitrun.api.http.websocket import WebSocket


def test_a_slow_reader_has_time_for_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_IO_TIMEOUT_SECONDS", 0.5)
    message = "x" * 4_000_000
    ours, theirs = socket.socketpair()
    received = bytearray()

    def read() -> None:
        while len(received) < len(message) and (data := theirs.recv(1 << 17)):
            received.extend(data)
            time.sleep(0.05)

    with ours, theirs, MemoryBudget(1, 1).reserve(0) as reservation:
        reader = threading.Thread(target=read)
        reader.start()
        opened = WebSocket(
            {
                "gunicorn.socket": ours,
                "PATH_INFO": "/",
                "HTTP_HOST": "localhost",
                "HTTP_CONNECTION": "Upgrade",
                "HTTP_UPGRADE": "websocket",
                "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
                "HTTP_SEC_WEBSOCKET_VERSION": "13",
            },
            1,
            reservation,
        )
        opened.send(message)
        reader.join()
    assert len(received) > len(message)
