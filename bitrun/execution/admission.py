"""Admission: limits runs at once, the requests that wait for a place, and the time they wait."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from bitrun.access.at_once import Semaphore
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import Busy, ClientDisconnected


class Rejection(StrEnum):
    """Why a request got no place."""

    QUEUE_FULL = "queue_full"
    TIMEOUT = "timeout"  # no place came free in time
    DISCONNECTED = "disconnected"  # the client hung up while it waited


@dataclass(frozen=True, slots=True)
class AdmissionStats:
    """Places, and what this process has: taken ones, requests that wait, rejected ones so far."""

    places: int
    taken: int
    waiting: int
    rejected: Mapping[str, int]


class Admission:
    """Places for `runs` at once, and a queue for `queue` requests of `timeout` seconds.

    `places` and `room` count the free ones of both, if not in this process alone.
    """

    def __init__(
        self,
        runs: int,
        queue: int,
        timeout: float,
        *,
        places: Semaphore | None = None,
        room: Semaphore | None = None,
    ) -> None:
        self._runs = runs
        self._places = places or threading.Semaphore(runs)
        self._room = room or threading.Semaphore(queue)
        self._timeout = timeout
        self._taken = 0
        self._waiting = 0
        self._rejected: Counter[str] = Counter(dict.fromkeys(Rejection, 0))
        self._lock = threading.Lock()  # of the three numbers above

    @contextmanager
    def place(
        self, connection: ClientConnection | None = None, *, patient: bool = False
    ) -> Iterator[None]:
        """Hold a place while the block runs; `connection` is watched while waiting for one.

        One who is `patient` waits for any time, and outside of the queue; the caller limits their
        number.

        Raises:
            Busy: the queue is full, or no place came free in time.
            ClientDisconnected: the client hung up while it waited.
        """
        if patient:
            self._wait_for_place(connection, math.inf)
        else:
            self._enter(connection)
        with self._lock:
            self._taken += 1
        try:
            yield
        finally:
            self._places.release()
            with self._lock:
                self._taken -= 1

    def stats(self) -> AdmissionStats:
        with self._lock:
            return AdmissionStats(self._runs, self._taken, self._waiting, dict(self._rejected))

    def _enter(self, connection: ClientConnection | None) -> None:
        if self._places.acquire(blocking=False):
            return
        if not self._room.acquire(blocking=False):
            self._reject(Rejection.QUEUE_FULL)
            raise Busy
        with self._lock:
            self._waiting += 1
        try:
            self._wait_for_place(connection, self._timeout)
        except Busy:
            self._reject(Rejection.TIMEOUT)
            raise
        except ClientDisconnected:
            self._reject(Rejection.DISCONNECTED)
            raise
        finally:
            self._room.release()
            with self._lock:
                self._waiting -= 1

    def _reject(self, reason: Rejection) -> None:
        with self._lock:
            self._rejected[reason] += 1

    def _wait_for_place(self, connection: ClientConnection | None, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            has_place = self._places.acquire(timeout=min(left, CHECK_SECONDS))
            try:
                if connection is not None:
                    connection.check()
            except ClientDisconnected:
                if has_place:
                    self._places.release()
                raise
            if has_place:
                return
            if not left:
                raise Busy
