"""Limits of what is active at once in a cluster: leases in Redis.

Each active request, and each sandbox, has a member of its own in a sorted set of its client, whose
score is the time at which it expires. A node renews those of its own; a dead one's expire by
themselves. Only the clock of the server counts.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.access.at_once import ClientLimit
from bitrun.cluster.shared_redis import LIFE_SECONDS, NOW, PREFIX, SharedRedis
from bitrun.model.errors import TooManyRequests

_ID_BYTES = 12

# KEYS: the set. ARGV: the lease, milliseconds of its life, the limit.
_ACQUIRE = f"""{NOW}redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

# KEYS: the set. ARGV: the lease, milliseconds of its life. A server that has lost its data gets it
# back.
_RENEW = f"""{NOW}redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


class LeasedLimit:
    """A `ClientLimit` of `limit` requests on all nodes together, within that of `local`.

    `kind` keeps apart what is counted. Threads share it. While the server is away only `local`
    counts, or nothing is admitted (`SharedRedis.count`).
    """

    def __init__(self, redis: SharedRedis, limit: int, local: ClientLimit, kind: str) -> None:
        self._redis = redis
        self._limit = limit
        self._local = local
        self._prefix = f"{PREFIX}:{kind}:"
        self._acquire = redis.client.register_script(_ACQUIRE)
        self._renew = redis.client.register_script(_RENEW)
        self._held: dict[str, str] = {}  # keys of sets by lease
        # Held while they are renewed: else a lease could be renewed after its end.
        self._lock = threading.Lock()

    @contextmanager
    def acquire(self, client: str) -> Iterator[None]:
        """Count a request of a client, which is active while the block runs.

        Raises:
            TooManyRequests: the client has too many active requests.
            LimitsUnavailable: the server is away, and nothing is admitted without it.
        """
        with self._local.acquire(client):
            key, lease = f"{self._prefix}{client}", secrets.token_hex(_ID_BYTES)
            life = LIFE_SECONDS * 1000
            granted = self._redis.count(lambda: self._acquire([key], [lease, life, self._limit]))
            if granted == 0:
                raise TooManyRequests.at_once(self._limit)
            # Also while the server is away: it gets the lease once it is back.
            with self._lock:
                self._held[lease] = key
            try:
                yield
            finally:
                with self._lock:
                    del self._held[lease]
                self._redis.ask(lambda: self._redis.client.zrem(key, lease))

    def renew(self) -> None:
        """Prolong the leases of all active requests, to be called every RENEWAL_SECONDS."""
        with self._lock:
            if self._held:
                self._redis.ask(self._renew_all)

    def _renew_all(self) -> None:
        with self._redis.client.pipeline(transaction=False) as pipeline:
            for lease, key in self._held.items():
                self._renew([key], [lease, LIFE_SECONDS * 1000], client=pipeline)
            pipeline.execute()
