"""Connections that send one request after another, on a real gunicorn with boxes that answer at once."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tools.bench.service import own_service

MANY = 1500


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a service that has two threads."""
    with own_service(
        application="tools.bench.front_app:app", threads="1", sessions="1", runs_per_box="100"
    ) as target:
        yield urlsplit(target.url).netloc


def get(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthz")
    response = connection.getresponse()
    response.read()
    return response.status


def test_requests_that_come_together_leave_threads_to_others(address: str) -> None:
    """Three connections, two threads, and requests enough to keep them busy for seconds."""
    host, port = address.split(":")
    received = [0, 0, 0]

    def send_many(index: int) -> None:
        with socket.create_connection((host, port), timeout=60) as it:
            sender = threading.Thread(target=it.sendall, args=(request * MANY,))
            sender.start()
            while received[index] < MANY:
                piece = it.recv(1 << 16)
                assert piece
                received[index] += piece.count(b"HTTP/1.1 200 OK")
            sender.join()

    request = f"GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    busy = [threading.Thread(target=send_many, args=(index,)) for index in range(len(received))]
    for thread in busy:
        thread.start()
    try:
        while not all(received):
            time.sleep(0.01)
        for _ in range(3):
            connection = http.client.HTTPConnection(address, timeout=60)
            assert get(connection) == 200
            connection.close()
        assert max(received) < MANY
    finally:
        for thread in busy:
            thread.join(timeout=120)
    assert received == [MANY] * 3
