"""gunicorn's thread worker, less patient, and speaking as the API does.

By itself gunicorn waits for ever for a request that has begun to come, each in a thread: a few
hundred connections that send a byte now and then would be all it takes. It waits for a client to
hang up in the one thread that accepts, so that ten silent ones would do. And it answers what it
can't parse with a page of HTML that quotes it, as does its log, and what it quotes may be a token.
"""

import contextlib
import json
import socket
import time
from http import HTTPStatus
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from bitrun.api.http import errors
from bitrun.server import process_memory

_HEAD_SECONDS = 10.0  # for all headers of a request
_BODY_SECONDS = 60.0  # for all of its body
_PARTING_SECONDS = 1.0


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Whose headers, and whose bodies, may still be coming, and until when.
        self._heads: dict[TConn, float] = {}
        self._bodies: dict[TConn, float] = {}

    def init_process(self) -> None:
        process_memory.share_arenas()
        super().init_process()

    def run(self) -> None:
        process_memory.collect_seldom()
        super().run()

    def handle(self, conn: TConn) -> Any:
        self._heads[conn] = time.monotonic() + _HEAD_SECONDS
        try:
            keep = super().handle(conn)
        finally:
            self._heads.pop(conn, None)
            self._bodies.pop(conn, None)
        if keep is False:
            _part(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: TConn) -> Any:
        self._heads.pop(conn, None)
        self._bodies[conn] = time.monotonic() + _BODY_SECONDS
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called by the loop that accepts, every second or more often."""
        super().murder_pending()
        now = time.monotonic()
        late = [conn for conn, until in list(self._heads.items()) if now > until]
        late += [
            conn
            for conn, until in list(self._bodies.items())
            if now > until and _is_coming(conn.parser.mesg.body.reader)
        ]
        for conn in late:
            # The thread that waits for more reads the end instead.
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)

    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, exc: Exception) -> None:
        row = errors.report(exc)
        sentence = row.text(exc)
        # The path may be unknown, so the body has the keys of all dialects.
        body = json.dumps({"error": sentence, "message": sentence})
        head = (
            f"HTTP/1.1 {row.status} {HTTPStatus(row.status).phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            client.settimeout(1.0)
            client.sendall((head + body).encode())


def _is_coming(reader: Any) -> bool:
    """Whether a body's reader waits for more: of a known length, or of chunks."""
    return bool(getattr(reader, "length", None) or getattr(reader, "parser", None))


def _part(connection: socket.socket) -> None:
    """Wait for a client to hang up, so that nothing of the reply is lost, but not for long.

    gunicorn would do so, too, but in the one thread that accepts.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_PARTING_SECONDS)
        deadline = time.monotonic() + _PARTING_SECONDS
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline and connection.recv(1 << 16):
                pass
        connection.shutdown(socket.SHUT_RD)
