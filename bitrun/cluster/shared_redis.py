"""The Redis server of a cluster, and what happens while it is away."""

import logging
import socket
import time
from collections.abc import Callable
from typing import Literal, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bitrun.model.errors import LimitsUnavailable

PREFIX = "bitrun"  # of all keys

# What a process keeps there expires by itself unless it renews it.
LIFE_SECONDS = 15
RENEWAL_SECONDS = 5.0

# The beginning of a script: the server's time in milliseconds, the only one that all agree on.
NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_TIMEOUT = 0.25  # seconds for one reply: runs wait for it
_RETRY_SECONDS = 5.0  # between two attempts to reach a server that did not answer

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


class SharedRedis:
    """A Redis server. Threads share it; it connects at its first call, and again after an outage.

    A server that did not answer is not asked for 5 s, so that not every run waits for it.
    """

    def __init__(self, url: str, when_away: Literal["local", "refuse"] = "local") -> None:
        """Take the server with this URL; `when_away` is the setting `redis_away`."""
        self._when_away = when_away
        self._retry_at = 0.0
        # A connection that the server has closed since, as at its restart, is opened once more.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self.pool = redis.ConnectionPool.from_url(
            url.replace("redis+unix:", "unix:", 1),
            retry=retry,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
        )
        self.client = redis.Redis(connection_pool=self.pool)

    @property
    def is_away(self) -> bool:
        """Whether it did not answer a moment ago."""
        return time.monotonic() < self._retry_at

    def ask(self, call: Callable[[], _Answer]) -> _Answer | None:
        """Return what a call of `client` returns; None, without an exception, if it is away."""
        if self.is_away:
            return None
        try:
            return call()
        except redis.RedisError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            _log.warning("The Redis server of BITRUN_REDIS does not answer: %s", error)
            return None

    def count(self, call: Callable[[], _Answer]) -> _Answer | None:
        """Do the same for a limit of clients, which holds in this process alone if it is away.

        Raises:
            LimitsUnavailable: it is away, and BITRUN_REDIS_AWAY refuses requests then.
        """
        answer = self.ask(call)
        if answer is None and self._when_away == "refuse":
            raise LimitsUnavailable
        return answer

    def problem(self) -> str | None:
        """Ask for a sign of life, and return what is wrong; None if nothing is."""
        try:
            self.client.ping()
        except redis.RedisError as error:
            return str(error)
        return None

    def own_address(self) -> str:
        """Return the address of this machine from which packets go to the server, as in a URL.

        Raises:
            OSError: the name of the server is not known, or there is no way to it.
        """
        place = self.pool.connection_kwargs
        if "host" not in place:
            raise OSError("the server has a Unix socket")
        family, kind, *_, address = socket.getaddrinfo(
            place["host"], place.get("port", 0), type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as own:
            own.connect(address)  # of UDP: nothing is sent
            found = str(own.getsockname()[0])
        return f"[{found}]" if ":" in found else found

    def close(self) -> None:
        self.client.close()
        self.pool.disconnect()
