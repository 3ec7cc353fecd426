"""Limits per client: requests over time, and requests at once."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from bitrun.access.at_once import ClientLimit, ConcurrencyLimit
from bitrun.config.settings import Settings
from bitrun.model.errors import RequestError, TooManyRequests

_STORAGE_TIMEOUT = 0.25  # seconds for one reply of the storage: every run waits for it
_RETRY_SECONDS = 5.0  # between two attempts to reach a storage that did not answer

_log = logging.getLogger(__name__)


class RateLimits:
    """The limits of the settings; `concurrency` may be shared with other processes."""

    def __init__(self, settings: Settings, concurrency: ClientLimit | None = None) -> None:
        self._rate = (
            RateLimit(settings.rate_limit, settings.rate_limit_storage)
            if settings.rate_limit
            else None
        )
        self._concurrency = concurrency or ConcurrencyLimit(settings.max_runs_per_client)

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Count a client's request, which is active while the block runs.

        Raises:
            TooManyRequests: the client exceeds its rate, or has too many active requests.
        """
        if self._rate is not None:
            self._rate.count(client)
        with self._concurrency.acquire(client):
            yield

    def count(self, client: str, runs: int) -> None:
        """Count runs that a request makes besides its first.

        Raises:
            RequestError: they are more than the rate allows at any time.
            TooManyRequests: the client exceeds its rate.
        """
        if self._rate is not None and runs:
            self._rate.count(client, runs)


class RateLimit:
    """Requests of each client over time, counted in this process or in a shared storage.

    A shared storage that does not answer rejects nothing: until it is back, this process counts
    for itself.
    """

    def __init__(self, limits: str, storage: str) -> None:
        self._limits = parse_many(limits)
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if storage.startswith("memory:") else _shared(storage)
        self._retry_at = 0.0

    def count(self, client: str, runs: int = 1) -> None:
        """Count a request, or as many as it stands for.

        Raises:
            RequestError: they are more than a limit allows at any time.
            TooManyRequests: the client exceeds a limit.
        """
        for limit in self._limits:
            if runs > 1 and runs >= limit.amount:
                raise RequestError(
                    f"The rate limit of {limit} allows no {runs + 1} runs in one request: "
                    f"send at most {limit.amount}"
                )
        if self._shared is not None and time.monotonic() >= self._retry_at:
            try:
                self._count(self._shared, client, runs)
            except StorageError as error:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                _log.warning(
                    "The storage of the rate limits does not answer: %s", error.storage_error
                )
            else:
                return
        self._count(self._local, client, runs)

    def _count(self, limiter: RateLimiter, client: str, runs: int) -> None:
        for limit in self._limits:
            if not limiter.hit(limit, client, cost=runs):
                reset = limiter.get_window_stats(limit, client).reset_time
                raise TooManyRequests(max(1, math.ceil(reset - time.time())))


def _shared(storage: str) -> RateLimiter:
    return SlidingWindowCounterRateLimiter(
        storage_from_string(
            storage,
            wrap_exceptions=True,
            key_prefix="bitrun",
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # by default it retries for seconds
            socket_timeout=_STORAGE_TIMEOUT,
            socket_connect_timeout=_STORAGE_TIMEOUT,
        )
    )
