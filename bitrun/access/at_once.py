"""Limits of what is active at once: of one process, or of all workers of a service.

The workers of a service have their counters in the kernel, which gives back what a killed one has
held: System V semaphores with SEM_UNDO, and locks of bytes (fcntl(2)) in a file without a name. A
count in shared memory would need somebody who knows what a killed worker has counted.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from bitrun.config.settings import Settings
from bitrun.model.errors import TooManyRequests

_IPC_PRIVATE, _IPC_NOWAIT, _IPC_RMID = 0, 0o4000, 0  # of the kernel's ipc.h
_SETVAL, _SEM_UNDO = 16, 0x1000  # of its sem.h

_MAX_PER_CLIENT = 1 << 20
_HASH_BYTES = 5  # with as many bytes a client as above, all of them are below 2**60

_libc = ctypes.CDLL(None, use_errno=True)


class Semaphore(Protocol):
    """What is needed of `threading.Semaphore`."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool: ...

    def release(self) -> None: ...


class ClientLimit(Protocol):
    """Active requests of each client."""

    def acquire(self, client: str) -> AbstractContextManager[None]:
        """Count a request of a client, which is active while the block runs.

        Raises:
            TooManyRequests: the client has too many active requests.
        """


class ConcurrencyLimit:
    """A `ClientLimit` of `limit` requests in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._active: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def acquire(self, client: str) -> Iterator[None]:
        with self._lock:
            if self._active[client] >= self._limit:
                raise TooManyRequests.at_once(self._limit)
            self._active[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._active[client] -= 1
                if not self._active[client]:
                    del self._active[client]


class SharedConcurrencyLimit:
    """A `ClientLimit` of this process and of those that are forked from it.

    Each client has a range of bytes, and each of its active requests a lock of one of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = min(limit, _MAX_PER_CLIENT)
        self._lock = threading.Lock()
        # Opened once and never closed: the first close of any descriptor of a file gives up all
        # locks that the process has in it.
        self._file = os.memfd_create("bitrun-clients")
        self._held: set[int] = set()  # a process's own locks don't stop itself

    @contextmanager
    def acquire(self, client: str) -> Iterator[None]:
        with self._lock:
            at = self._take(_first_byte(client))
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(at)
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, at)

    def _take(self, first: int) -> int:
        for at in range(first, first + self._limit):
            if at in self._held:
                continue
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
            else:
                self._held.add(at)
                return at
        raise TooManyRequests.at_once(self._limit)


def _first_byte(client: str) -> int:
    digest = hashlib.blake2b(client.encode("utf-8", "surrogateescape"), digest_size=_HASH_BYTES)
    return int.from_bytes(digest.digest()) * _MAX_PER_CLIENT


class _Operation(ctypes.Structure):
    _fields_ = (
        ("number", ctypes.c_ushort),
        ("change", ctypes.c_short),
        ("flags", ctypes.c_short),
    )


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class SharedSemaphores:
    """A set of semaphores of this process and of those that are forked from it.

    The kernel keeps the order of those who wait, whatever their process. The set stays until
    `remove`, also after the end of every process.
    """

    def __init__(self, *values: int) -> None:
        self._id = _call("semget", _IPC_PRIVATE, len(values), 0o600)
        for number, value in enumerate(values):
            _call("semctl", self._id, number, _SETVAL, ctypes.c_long(value))

    def __getitem__(self, number: int) -> "SharedSemaphore":
        return SharedSemaphore(self._id, number)

    def remove(self) -> None:
        _call("semctl", self._id, 0, _IPC_RMID)


class SharedSemaphore:
    """One of a set; as `threading.Semaphore`."""

    def __init__(self, set_id: int, number: int) -> None:
        self._set_id = set_id
        self._number = number

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take one; False if there was none in time, or a signal has arrived meanwhile."""
        return self._change(-1, timeout if blocking else 0.0)

    def release(self) -> None:
        self._change(1, 0.0)

    def _change(self, by: int, timeout: float | None) -> bool:
        flags, limit = _SEM_UNDO, None
        if timeout is not None:
            flags |= 0 if timeout else _IPC_NOWAIT
            limit = ctypes.byref(_Time(int(timeout), int(timeout % 1 * 1e9)))
        operation = _Operation(self._number, by, flags)
        try:
            _call("semtimedop", self._set_id, ctypes.byref(operation), ctypes.c_size_t(1), limit)
        except (BlockingIOError, InterruptedError):
            return False
        return True


def _call(name: str, *arguments: object) -> int:
    result: int = getattr(_libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


@dataclass(frozen=True, slots=True)
class Limits:
    """Places of runs, places in the queue before them, sessions, and the requests of a client."""

    runs: Semaphore
    queue: Semaphore
    sessions: Semaphore
    clients: ClientLimit


def limits_at_once(settings: Settings) -> Limits:
    """Return the limits of a service.

    If it has several workers, they are made once, before its workers are forked, and are those of
    a replaced worker, too.
    """
    runs, queue, sessions = settings.max_runs, settings.max_queue, settings.sessions
    if settings.workers > 1:
        return _shared(runs, queue, sessions, settings.max_runs_per_client)
    return Limits(
        threading.Semaphore(runs),
        threading.Semaphore(queue),
        threading.Semaphore(sessions),
        ConcurrencyLimit(settings.max_runs_per_client),
    )


_sets: list[SharedSemaphores] = []


@cache
def _shared(runs: int, queue: int, sessions: int, per_client: int) -> Limits:
    found = SharedSemaphores(runs, queue, sessions)
    _sets.append(found)
    return Limits(found[0], found[1], found[2], SharedConcurrencyLimit(per_client))


def remove_shared() -> None:
    """Remove what the kernel keeps of all limits, after the last worker."""
    _shared.cache_clear()
    while _sets:
        _sets.pop().remove()
