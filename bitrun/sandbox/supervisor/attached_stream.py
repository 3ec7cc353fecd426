"""The transport to a supervisor: the attached stdin and stdout of its container."""

import contextlib
import socket
import ssl
import struct

from bitrun.model.errors import BoxEnded

# Docker's stream format: each piece follows its stream (1 stdout, 2 stderr) and its length.
# https://docs.docker.com/reference/api/engine/ : "Stream format" of the attach call.
_PIECE_HEADER = struct.Struct(">BxxxI")
_STDOUT = 1
_SEND_TIMEOUT = 10.0  # seconds
_RECEIVE_SIZE = 1 << 18  # bytes


class AttachedStream:
    """A `Channel` of `client.py`: bytes both ways until one side ends."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._header = bytearray()
        self._stream = _STDOUT
        self._left = 0

    def send(self, data: bytes | bytearray) -> None:
        """Send all of it.

        Raises:
            BoxEnded: the container or the engine is gone.
        """
        try:
            # A supervisor always reads, so only the engine can delay this.
            self._socket.settimeout(_SEND_TIMEOUT)
            self._socket.sendall(data)
        except OSError as error:
            raise BoxEnded from error

    def receive(self, timeout: float) -> bytes:
        """Return the next bytes of the container's stdout, b"" at its end.

        Raises:
            TimeoutError: nothing arrived within `timeout` seconds.
        """
        while True:
            try:
                self._socket.settimeout(timeout)
                data = self._socket.recv(_RECEIVE_SIZE)
                # poll() does not report bytes that TLS has decrypted ahead.
                if isinstance(self._socket, ssl.SSLSocket) and (size := self._socket.pending()):
                    data += self._socket.recv(size)
            except TimeoutError:
                raise
            except OSError:  # reset: the engine went away
                return b""
            if not data:
                return b""
            payload = self._unwrap(data)
            if payload:
                return payload

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Close it. The container's stdin ends, and with it the supervisor and the container."""
        # close() alone does not end a connection that another descriptor refers to.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _unwrap(self, data: bytes) -> bytes:
        parts = []
        at = 0
        while at < len(data):
            if self._left == 0:
                missing = _PIECE_HEADER.size - len(self._header)
                self._header += data[at : at + missing]
                at += missing
                if len(self._header) == _PIECE_HEADER.size:
                    self._stream, self._left = _PIECE_HEADER.unpack(self._header)
                    self._header.clear()
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if self._stream == _STDOUT:
                parts.append(piece)
        return b"".join(parts)
