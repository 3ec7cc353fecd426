"""A WebSocket on a connection that gunicorn has accepted, for loops that wait with poll().

wsproto implements the protocol. Libraries that also do the I/O start a thread for each connection,
and buffer without limit what it reads; a session here is one thread, and stops reading while its
program does.
"""

import contextlib
import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from bitrun.api.http.body import PARSE_FACTOR
from bitrun.api.http.memory_budget import Reservation
from bitrun.api.http.request_log import HEADER
from bitrun.model.errors import SessionEnded
from bitrun.telemetry import request_context

PROTOCOL = "bitrun"

_IO_TIMEOUT_SECONDS = 10.0  # a client that reads nothing for so long counts as disconnected
_RECEIVE_SIZE = 1 << 16
_SEND_SIZE = 1 << 16
_CLOSE_TIMEOUT_SECONDS = 1.0
_FREE_SIZE = 1 << 16  # of a message, which counts for nothing in the budget
_TOO_LARGE = 1009  # RFC 6455, section 7.4.1


class Disconnected(SessionEnded):
    """The client has closed the connection, or does not respond."""


class NoUpgrade(Exception):
    """The request is no valid request for a WebSocket."""


class WebSocket:
    """The server side of one WebSocket."""

    def __init__(
        self,
        environ: dict[str, Any],
        max_size: int,
        reservation: Reservation,
        protocols: Sequence[str] = (PROTOCOL,),
    ) -> None:
        """Accept the upgrade; `max_size` limits a message in bytes, `reservation` its memory.

        `protocol` is the first of `protocols` that the client offers, too; None without.

        Raises:
            NoUpgrade: the request asks for none. Nothing was sent.
        """
        self._socket: socket.socket = environ["gunicorn.socket"]
        self._max_size = max_size
        self._pieces: list[str | bytes] = []  # of an incomplete message
        self._size = 0
        self._reservation = reservation
        self._kept = 0
        self._protocol = WSConnection(ConnectionType.SERVER)
        headers = [
            (name[5:].replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        try:
            self._protocol.initiate_upgrade_connection(headers, environ["PATH_INFO"])
        except (RemoteProtocolError, LocalProtocolError, UnicodeDecodeError) as error:
            raise NoUpgrade(str(error)) from error
        asked = next((it for it in self._protocol.events() if isinstance(it, Request)), None)
        if asked is None:
            raise NoUpgrade
        # A browser that offers subprotocols rejects an answer that selects none of them.
        self.protocol = next((each for each in protocols if each in asked.subprotocols), None)
        request_id = (HEADER.encode(), (request_context.request_id() or "").encode())
        self._send(AcceptConnection(subprotocol=self.protocol, extra_headers=[request_id]))

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_receiving(self) -> bool:
        """Whether a message has begun to arrive and is incomplete."""
        return bool(self._pieces)

    def send(self, message: str | bytes) -> None:
        """Send a text message, or a binary one.

        Raises:
            Disconnected: the client has disconnected.
        """
        self._send(
            TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        )

    def ping(self) -> None:
        """Send a ping, so that a proxy keeps the connection, and one that is gone shows.

        Raises:
            Disconnected: it is.
        """
        self._send(Ping())

    def receive(self) -> list[str]:
        """Read as `receive_any` does; binary messages are taken for text."""
        return [
            message if isinstance(message, str) else message.decode("utf-8", "replace")
            for message in self.receive_any()
        ]

    def receive_any(self) -> list[str | bytes]:
        """Read once the descriptor is readable, and return the messages that are complete.

        Raises:
            Disconnected: the client has closed the connection, or violated the protocol.
            Busy: the memory budget has no room for a large message.
        """
        self._reserve()  # the messages of the last time are parsed by now
        try:
            self._socket.settimeout(_IO_TIMEOUT_SECONDS)
            self._protocol.receive_data(self._socket.recv(_RECEIVE_SIZE) or None)
            return [each for event in self._protocol.events() for each in self._handle(event)]
        except (OSError, RemoteProtocolError) as error:
            raise Disconnected from error

    def keep(self, size: int) -> None:
        """Hold so many bytes of the budget besides those of messages that are coming."""
        self._kept = size
        self._reserve()

    def close(self, code: int, reason: str = "") -> None:
        """Close the WebSocket. A client that has disconnected already is no error."""
        try:
            self._send(CloseConnection(code=code, reason=reason))
            self._await_close()
        except (Disconnected, OSError, LocalProtocolError, RemoteProtocolError):
            return

    def hang_up(self) -> None:
        """Shut the connection down; else gunicorn's only accepting thread waits for the client."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _await_close(self) -> None:
        """Discard what the client still sends, until its close frame.

        Closing a socket with unread data resets the connection, and our close frame would be lost.
        """
        deadline = time.monotonic() + _CLOSE_TIMEOUT_SECONDS
        while self._protocol.state is not ConnectionState.CLOSED:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._socket.settimeout(left)
            self._protocol.receive_data(self._socket.recv(_RECEIVE_SIZE) or None)
            deque(self._protocol.events(), maxlen=0)

    def _handle(self, event: object) -> list[str | bytes]:
        match event:
            case TextMessage() | BytesMessage():
                data = event.data
                self._pieces.append(data if isinstance(data, str) else bytes(data))
                self._size += len(data.encode() if isinstance(data, str) else data)
                if self._size > self._max_size:
                    self.close(_TOO_LARGE, "Message too large")
                    raise Disconnected
                self._reserve()
                if event.message_finished:
                    message = _join(self._pieces)
                    self._pieces, self._size = [], 0
                    return [message]
            case Ping():
                self._send(event.response())
            case CloseConnection():
                self.close(event.code, event.reason or "")
                raise Disconnected
        return []

    def _reserve(self) -> None:
        coming = PARSE_FACTOR * self._size if self._size > _FREE_SIZE else 0
        self._reservation.resize(self._kept + coming)

    def _send(self, event: Event) -> None:
        try:
            self._socket.settimeout(_IO_TIMEOUT_SECONDS)
            data = memoryview(self._protocol.send(event))
            for start in range(0, len(data), _SEND_SIZE):
                self._socket.sendall(data[start : start + _SEND_SIZE])  # each has the time
        except OSError as error:
            raise Disconnected from error


def _join(pieces: Sequence[str | bytes]) -> str | bytes:
    """Join the pieces of a message, which are all text or all binary."""
    text = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(text) if text else b"".join(p for p in pieces if isinstance(p, bytes))
