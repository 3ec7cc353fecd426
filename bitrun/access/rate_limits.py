"""Fair shares: how often one client may ask, and how much it may have under way at once."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from bitrun.config.settings import Settings
from bitrun.model.errors import TooManyRequests

_STORAGE_SECONDS = 0.25  # for one answer of the storage: every run waits for it
_AWAY_SECONDS = 5.0  # between two attempts to reach a storage that did not answer

_log = logging.getLogger(__name__)


class RateLimits:
    def __init__(self, settings: Settings) -> None:
        self._rate = (
            RateLimit(settings.rate_limit, settings.rate_limit_storage)
            if settings.rate_limit
            else None
        )
        self._at_once = ConcurrencyLimit(settings.max_runs_per_client)

    @contextmanager
    def share(self, client: str) -> Iterator[None]:
        """Have a client's request under way while the block runs.

        Raises:
            TooManyRequests: it asks too often, or has too much under way.
        """
        if self._rate is not None:
            self._rate.count(client)
        with self._at_once.hold(client):
            yield


class ConcurrencyLimit:
    """What each client has under way, never more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, client: str) -> Iterator[None]:
        with self._lock:
            if self._held[client] >= self._most:
                raise TooManyRequests(1)
            self._held[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[client] -= 1
                if not self._held[client]:
                    del self._held[client]


class RateLimit:
    """Requests of each client over time, counted in this process or where replicas share it.

    A shared storage that does not answer stops nobody: until it is back this process counts for
    itself.
    """

    def __init__(self, limits: str, storage: str) -> None:
        self._limits = parse_many(limits)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if storage.startswith("memory:") else _shared(storage)
        self._away_until = 0.0

    def count(self, client: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: it is one too many.
        """
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                self._count(self._shared, client)
            except StorageError as error:
                self._away_until = time.monotonic() + _AWAY_SECONDS
                _log.warning(
                    "The storage of the rate limits does not answer: %s", error.storage_error
                )
            else:
                return
        self._count(self._own, client)

    def _count(self, limiter: RateLimiter, client: str) -> None:
        for limit in self._limits:
            if not limiter.hit(limit, client):
                reset = limiter.get_window_stats(limit, client).reset_time
                raise TooManyRequests(max(1, math.ceil(reset - time.time())))


def _shared(storage: str) -> RateLimiter:
    return SlidingWindowCounterRateLimiter(
        storage_from_string(
            storage,
            wrap_exceptions=True,
            key_prefix="bitrun",
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # by itself it tries for seconds
            socket_timeout=_STORAGE_SECONDS,
            socket_connect_timeout=_STORAGE_SECONDS,
        )
    )
