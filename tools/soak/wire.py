"""Requests written byte by byte, which no client library would send, and raw sessions."""

import contextlib
import socket
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from tools.soak.results import Rejected, WrongAnswer

BUSY = (b"HTTP/1.1 429 ", b"HTTP/1.1 503 ")
_TIMEOUT_SECONDS = 60.0


class RawClient:
    """Sends raw bytes to the service, each time on a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)

    def connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=_TIMEOUT_SECONDS)

    @staticmethod
    def head(path: str, content_type: str, length: int, request_id: str = "") -> bytes:
        extra = f"X-Request-Id: {request_id}\r\n" if request_id else ""
        return (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}"
            f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def expect(self, request: bytes, status_line: bytes, *, half_close: bool = False) -> None:
        """Send bytes and check the start of the answer.

        `half_close` ends the sending side after them.

        Raises:
            Rejected: the service is too busy.
            WrongAnswer: another answer, or none.
        """
        with self.connect() as connection:
            # A service that refuses a request need not read the rest of it: sending may then fail,
            # while the answer is there to be read.
            with contextlib.suppress(OSError):
                connection.sendall(request)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            answer = _read_status_line(connection)
        if answer.startswith(BUSY):
            raise Rejected
        if not answer.startswith(status_line):
            raise WrongAnswer(f"{answer[:300]!r} instead of {status_line!r}")


def _read_status_line(connection: socket.socket) -> bytes:
    """Read up to the first line's end, or to the end of the connection."""
    answer = b""
    with contextlib.suppress(OSError):
        while b"\r\n" not in answer and (piece := connection.recv(4096)):
            answer += piece
    return answer


def open_session(url: str, headers: dict[str, str] | None = None) -> ClientConnection:
    return connect(
        url.replace("http", "ws", 1) + "/api/v2/connect",
        additional_headers=headers,
        compression=None,
        proxy=None,
        open_timeout=_TIMEOUT_SECONDS,
    )
