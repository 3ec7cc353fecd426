"""gunicorn's thread worker, with time limits for requests and the API's error format.

gunicorn by itself waits without limit for the rest of a request, each in a thread: a few hundred
connections that send a byte now and then exhaust it. It waits for a client to close the connection
in the one thread that accepts, so ten silent clients do. And it answers a request that it can't
parse with an HTML page that quotes the request, as its log does, and the quote may contain a token.
"""

import contextlib
import json
import select
import signal
import socket
import time
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from bitrun.api.http import errors
from bitrun.server import grace, process_memory, running
from bitrun.service import configuration

_HEAD_TIMEOUT = 10.0  # seconds for all headers of a request
_BODY_TIMEOUT = 60.0  # seconds for its whole body
_CLOSE_TIMEOUT = 1.0  # seconds for a client to close its end

# How long a thread waits for the next request of a connection that it has just answered.
_NEXT_REQUEST_MS = 5

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.inherited_signals: SimpleQueue[int] = SimpleQueue()
        # Deadlines of the connections whose headers, or whose bodies, are being received.
        self._head_deadlines: dict[TConn, float] = {}
        self._body_deadlines: dict[TConn, float] = {}

    def init_process(self) -> None:
        process_memory.share_arenas()
        process_memory.map_large_blocks()
        super().init_process()

    def init_signals(self) -> None:
        super().init_signals()
        # Until here a signal went to the handlers of the main process, which a fork inherits. It is
        # sent once: without this, a stop would wait for this worker until the end of its grace.
        while not self.inherited_signals.empty():
            if self.inherited_signals.get() in _STOPS:
                self.alive = False

    def run(self) -> None:
        # The master has the shorter time of a stop, after which it kills its workers.
        self.cfg.set("graceful_timeout", grace.reload_seconds(configuration.current()))
        process_memory.reduce_collections()
        super().run()

    def handle(self, conn: TConn) -> Any:
        keep = self._handle_one(conn)
        # A busy client sends its next request within a millisecond or so. By way of the accepting
        # loop it costs two turns of that thread, a task and a future: a third of what a request
        # takes of the interpreter lock.
        while keep is True and self._has_free_threads() and _has_request(conn):
            keep = self._handle_one(conn)
        return keep

    def _has_free_threads(self) -> bool:
        """Whether no connection waits for a thread, and the worker is not about to end."""
        idle = len(self.keepalived_conns) + len(self.pending_conns)
        return self.alive and self.nr_conns - idle <= self.cfg.threads

    def _handle_one(self, conn: TConn) -> Any:
        self._head_deadlines[conn] = time.monotonic() + _HEAD_TIMEOUT
        try:
            keep = super().handle(conn)
        finally:
            self._head_deadlines.pop(conn, None)
            self._body_deadlines.pop(conn, None)
        if keep is False:
            _close(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: TConn) -> Any:
        self._head_deadlines.pop(conn, None)
        self._body_deadlines[conn] = time.monotonic() + _BODY_TIMEOUT
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Abort late requests; called by the accepting loop at least every second."""
        super().murder_pending()
        if not self.alive and (service := running.service()) is not None:
            service.begin_stop()
        now = time.monotonic()
        late = [conn for conn, deadline in list(self._head_deadlines.items()) if now > deadline]
        late += [
            conn
            for conn, deadline in list(self._body_deadlines.items())
            if now > deadline and _is_incomplete(conn.parser.mesg.body.reader)
        ]
        for conn in late:
            # The thread that waits for more data reads the end of the stream instead.
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


def _has_request(conn: TConn) -> bool:
    """Whether the next request of a connection, or its end, arrives soon or has been read ahead."""
    if conn.parser.unreader.buf.getvalue():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(_NEXT_REQUEST_MS))


def _is_incomplete(reader: Any) -> bool:
    """Whether the reader of a body, with a known length or chunked, waits for more."""
    return bool(getattr(reader, "length", None) or getattr(reader, "parser", None))


def _close(connection: socket.socket) -> None:
    """Wait up to a second for the client to close, so that no part of the reply is lost.

    gunicorn would wait, too, but in the one thread that accepts.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_CLOSE_TIMEOUT)
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline and connection.recv(1 << 16):
                pass
        connection.shutdown(socket.SHUT_RD)
