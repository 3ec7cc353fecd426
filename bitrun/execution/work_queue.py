"""Work that clients leave here: done in the background, and not lost with the process.

It waits in the store, in queues by their names. A thread that does some has a lease of it, which is
prolonged for as long as this process lives. So what a killed process was doing is done again, by
this service once it is back, or by another one that shares the store; its result is written once.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import (
    Busy,
    ClientDisconnected,
    EngineUnavailable,
    ServiceError,
    StorageError,
)
from bitrun.store.store import LEASE_SECONDS, QueueLength, Record, Store
from bitrun.telemetry import log, request_context

MAX_ATTEMPTS = 3  # after which work has failed that ends with an error, or with the process

_IDLE_SECONDS = 1.0  # between two looks for work of other processes, or of ended leases
_PAUSE_SECONDS = 1.0  # after an error that the next work would meet, too
_DONE_SECONDS = 0.25  # between two looks whether another process has done it
_CLOSE_SECONDS = 10.0
_MS_PER_SECOND = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """Work that is done: its new content, when it expires, and the queue that it goes on to."""

    content: bytes
    expires: float
    queue: str | None = None


class Handler(Protocol):
    """Does the work of a queue. Threads share it."""

    def work(self, record: Record, connection: ClientConnection, /) -> Done:
        """Do it. `connection` ends with the service.

        Raises:
            Busy, EngineUnavailable, ClientDisconnected: not now; this is no attempt.
            ServiceError: it has failed, and is tried again.
        """

    def fail(self, record: Record) -> Done:
        """Give up after the last attempt."""


@dataclass(frozen=True, slots=True)
class _Served:
    handler: Handler
    places: int
    added: threading.Event
    asking: threading.Lock  # one thread asks the store at a time


class WorkQueue:
    """The queues of a process, whose threads begin with `start`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._served: dict[str, _Served] = {}
        # Two ends of a connection, of which the second is closed with the service.
        self._life: tuple[socket.socket, socket.socket] | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[int, Record] = {}  # by thread
        self._awaited: dict[str, list[threading.Event]] = {}  # by key

    def serve(self, queue: str, handler: Handler, places: int) -> None:
        """Have a queue's work done by so many threads."""
        self._served[queue] = _Served(handler, places, threading.Event(), threading.Lock())
        if self._life is not None:
            self._start(queue, self._life[0])

    def start(self) -> None:
        self._life = socket.socketpair()
        threading.Thread(target=self._renew, name="leases", daemon=True).start()
        for queue in self._served:
            self._start(queue, self._life[0])

    def added(self, queue: str) -> None:
        """Say that there is work in a queue, so that it begins at once."""
        if queue in self._served:
            self._served[queue].added.set()

    def wait(
        self, queue: str, kind: str, owner: str, key: str, connection: ClientConnection | None
    ) -> None:
        """Wait until a record of an owner is not in a queue: done, or deleted.

        Raises:
            ClientDisconnected: the client has hung up.
        """
        with self._awaiting(key) as event:
            while self._store.queue_of(kind, owner, key) == queue:
                event.wait(_DONE_SECONDS)
                event.clear()
                if connection is not None:
                    connection.check()

    def lengths(self) -> dict[str, QueueLength]:
        """Count the records of each queue; none if the store does not answer."""
        try:
            return {queue: self._store.length(queue) for queue in self._served}
        except StorageError:
            return {}

    def places(self, queue: str) -> int:
        """Return how many threads of this process do the work of a queue."""
        return self._served[queue].places

    def close(self) -> None:
        """Give back what is being done, and end."""
        self._closed.set()
        if self._life is not None:
            self._life[1].close()
        for served in self._served.values():
            served.added.set()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while self._held and time.monotonic() < deadline:
            time.sleep(0.01)
        self._store.close()

    @contextlib.contextmanager
    def _awaiting(self, key: str) -> Iterator[threading.Event]:
        event = threading.Event()
        with self._lock:
            self._awaited.setdefault(key, []).append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._awaited[key].remove(event)
                if not self._awaited[key]:
                    del self._awaited[key]

    # The threads

    def _start(self, queue: str, life: socket.socket) -> None:
        arguments = (queue, life)
        for _ in range(self._served[queue].places):
            threading.Thread(target=self._serve, args=arguments, name=queue, daemon=True).start()

    def _serve(self, queue: str, life: socket.socket) -> None:
        served = self._served[queue]
        while (record := self._next(queue, served)) is not None:
            try:
                connection = ClientConnection(life, record.owner)
                self._do(record, served.handler, connection)
            except StorageError as error:
                # Its lease ends, and it is done again.
                _log.error("%s", error)
                self._closed.wait(_PAUSE_SECONDS)
            finally:
                with self._lock:
                    del self._held[threading.get_ident()]

    def _next(self, queue: str, served: _Served) -> Record | None:
        """Wait for work; None at the end of the service."""
        with served.asking:
            while not self._closed.is_set():
                served.added.clear()
                try:
                    record = self._store.take(queue)
                except StorageError as error:
                    _log.error("%s", error)
                    self._closed.wait(_PAUSE_SECONDS)
                    continue
                if record is not None:
                    with self._lock:
                        self._held[threading.get_ident()] = record
                    return record
                served.added.wait(_IDLE_SECONDS)
        return None

    def _do(self, record: Record, handler: Handler, connection: ClientConnection) -> None:
        request_context.begin(record.key)
        started = time.monotonic()
        try:
            is_last = record.attempt > MAX_ATTEMPTS
            done = handler.fail(record) if is_last else handler.work(record, connection)
        except (Busy, EngineUnavailable, ClientDisconnected):
            self._give_back(record, uncounted=True)
            self._closed.wait(_PAUSE_SECONDS)
            return
        except Exception as error:  # noqa: BLE001  whatever it is, others' work goes on
            unexpected = None if isinstance(error, ServiceError) else error
            _log.error("%s", str(error) or type(error).__name__, exc_info=unexpected)
            self._give_back(record)
            return
        finally:
            request_context.end()
        is_first = self._store.finish(record, done.content, done.expires, done.queue)
        if done.queue is not None:
            self.added(done.queue)
        with self._lock:
            for event in self._awaited.get(record.key, ()):
                event.set()
        fields = {
            "queue": record.queue,
            "owner": record.owner,
            "attempt": record.attempt,
            "total_ms": round((time.time() - record.created) * _MS_PER_SECOND, 2),
            "ms": round((time.monotonic() - started) * _MS_PER_SECOND, 2),
        }
        state = "done" if is_first else "done again, which counts for nothing"
        _log.info("%s %s %s", record.queue, record.key, state, extra={log.FIELDS: fields})

    def _give_back(self, record: Record, *, uncounted: bool = False) -> None:
        self._store.release(record, uncounted=uncounted)
        self.added(record.queue or "")

    def _renew(self) -> None:
        while not self._closed.wait(LEASE_SECONDS / 3):
            with self._lock:
                held = list(self._held.values())
            if held:
                try:
                    self._store.renew(held)
                except StorageError as error:
                    _log.error("%s", error)
                except Exception:  # noqa: BLE001
                    # Without this thread all work would be done again, by others at the same time.
                    _log.exception("Leases could not be renewed")
