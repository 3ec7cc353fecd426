"""Limits per client: requests over time, and requests at once."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import parse_many
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from bitrun.access.at_once import ClientLimit, ConcurrencyLimit
from bitrun.cluster.shared_redis import PREFIX, SharedRedis
from bitrun.config.settings import Settings
from bitrun.model.errors import RequestError, TooManyRequests


class RateLimits:
    """The limits of the settings, in this process.

    `concurrency` may be shared with other processes, and the rates with those that have the same
    `redis`.
    """

    def __init__(
        self,
        settings: Settings,
        concurrency: ClientLimit | None = None,
        redis: SharedRedis | None = None,
    ) -> None:
        self._rate = RateLimit(settings.rate_limit, redis) if settings.rate_limit else None
        self._concurrency = concurrency or ConcurrencyLimit(settings.max_runs_per_client)

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Count a client's request, which is active while the block runs.

        Raises:
            TooManyRequests: the client exceeds its rate, or has too many active requests.
            LimitsUnavailable: see `SharedRedis.count`.
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
            LimitsUnavailable: see `SharedRedis.count`.
        """
        if self._rate is not None and runs:
            self._rate.count(client, runs)


class RateLimit:
    """Requests of each client over time, counted in this process or in Redis.

    While the server is away, this process counts for itself, or nothing is admitted
    (`SharedRedis.count`).
    """

    def __init__(self, limits: str, redis: SharedRedis | None) -> None:
        self._limits = parse_many(limits)
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis = redis
        self._shared = None if redis is None else _shared(redis)

    def count(self, client: str, runs: int = 1) -> None:
        """Count a request, or as many as it stands for.

        Raises:
            RequestError: they are more than a limit allows at any time.
            TooManyRequests: the client exceeds a limit.
            LimitsUnavailable: see `SharedRedis.count`.
        """
        for limit in self._limits:
            if runs > 1 and runs >= limit.amount:
                raise RequestError(
                    f"The rate limit of {limit} allows no {runs + 1} runs in one request: "
                    f"send at most {limit.amount}"
                )
        seconds = None
        if self._redis is not None and (shared := self._shared) is not None:
            seconds = self._redis.count(lambda: self._wait_of(shared, client, runs))
        if seconds is None:
            seconds = self._wait_of(self._local, client, runs)
        if seconds:
            allowed = ", ".join(map(str, self._limits))
            detail = f"A client may make {allowed}: try again in {seconds} s"
            raise TooManyRequests(seconds, detail)

    def _wait_of(self, limiter: RateLimiter, client: str, runs: int) -> int:
        """Count, and return the seconds until the client may ask again; 0 if it is admitted."""
        for limit in self._limits:
            if not limiter.hit(limit, client, cost=runs):
                reset = limiter.get_window_stats(limit, client).reset_time
                return max(1, math.ceil(reset - time.time()))
        return 0


def _shared(redis: SharedRedis) -> RateLimiter:
    # The URL only chooses the client library; the connections are those of the pool.
    return SlidingWindowCounterRateLimiter(
        RedisStorage("redis:", connection_pool=redis.pool, key_prefix=PREFIX)
    )
