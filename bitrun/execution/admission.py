"""Admission: limits runs at once, the requests that wait for a place, and the time they wait."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, ClientDisconnected

_DISCONNECT_CHECK_SECONDS = 0.25


class Rejection(StrEnum):
    """Why a request got no place."""

    QUEUE_FULL = "queue_full"
    TIMEOUT = "timeout"  # no place came free in time
    DISCONNECTED = "disconnected"  # the client hung up while it waited


@dataclass(frozen=True, slots=True)
class AdmissionStats:
    """Places, how many are taken, requests that wait for one, and rejected requests so far."""

    places: int
    taken: int
    waiting: int
    rejected: Mapping[str, int]


class Admission:
    """Places for `runs` at once, and a queue for `queue` requests of `timeout` seconds."""

    def __init__(self, runs: int, queue: int, timeout: float) -> None:
        self._runs = runs
        self._queue_length = queue
        self._free = runs
        self._room = queue
        self._rejected: Counter[str] = Counter(dict.fromkeys(Rejection, 0))
        self._timeout = timeout
        self._freed = threading.Condition()

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
            self._enter_patiently(connection)
        else:
            self._enter(connection)
        try:
            yield
        finally:
            with self._freed:
                self._free += 1
                self._freed.notify()

    def stats(self) -> AdmissionStats:
        with self._freed:
            return AdmissionStats(
                places=self._runs,
                taken=self._runs - self._free,
                waiting=self._queue_length - self._room,
                rejected=dict(self._rejected),
            )

    def _enter(self, connection: ClientConnection | None) -> None:
        with self._freed:
            if self._free == 0:
                if self._room == 0:
                    self._rejected[Rejection.QUEUE_FULL] += 1
                    raise Busy
                self._room -= 1
                try:
                    self._wait_for_place(connection, self._timeout)
                except Busy:
                    self._rejected[Rejection.TIMEOUT] += 1
                    raise
                except ClientDisconnected:
                    self._rejected[Rejection.DISCONNECTED] += 1
                    raise
                finally:
                    self._room += 1
            self._free -= 1

    def _enter_patiently(self, connection: ClientConnection | None) -> None:
        with self._freed:
            self._wait_for_place(connection, math.inf)
            self._free -= 1

    def _wait_for_place(self, connection: ClientConnection | None, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self._free == 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Busy
            self._freed.wait(min(left, _DISCONNECT_CHECK_SECONDS))
            if connection is not None:
                connection.check()
