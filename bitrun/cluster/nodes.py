"""The nodes of a cluster: names, which the ids of their sandboxes end with, and addresses.

Each service process writes its name and its URL into a sorted set in Redis, with the time at which
they expire, and renews them. A name is one process's: a restarted service has another one.
"""

import logging
import re
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bitrun.cluster.shared_redis import LIFE_SECONDS, NOW, PREFIX, SharedRedis

AUTO = "auto"

_NAME = re.compile(r"[0-9a-f]{8}")
_NAME_BYTES = 4
_CACHE_SECONDS = 1.0
_MAX_REMEMBERED = 1000  # addresses of nodes

_TABLE, _SINCE = f"{PREFIX}:nodes", f"{PREFIX}:nodes-since"

# KEYS: the table, and the time of its first entry. ARGV: the entry, milliseconds of its life.
_REGISTER = f"""{NOW}redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('SET', KEYS[2], now, 'NX')
"""

# Returns the age of the table in milliseconds, then its entries.
_LIST = f"""{NOW}redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local since = redis.call('GET', KEYS[2]) or now
return {{now - since, redis.call('ZRANGE', KEYS[1], 0, -1)}}
"""

_log = logging.getLogger(__name__)


class Passed(StrEnum):
    """What came of passing a request on to another node."""

    OK = "ok"
    UNAVAILABLE = "unavailable"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is: its last known URL, and whether the others count it as lost."""

    url: str | None
    is_lost: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """The URLs of all nodes by name; `is_complete` if each has had the time to be in it."""

    urls: Mapping[str, str]
    is_complete: bool


class Nodes:
    """The nodes that have the same Redis server, seen from one of them. Threads share it."""

    def __init__(self, redis: SharedRedis, url: str, port: int) -> None:
        """Be one of them; `url` is how the others reach this one.

        If it is AUTO, that is the address from which this node reaches Redis, and `port`.
        """
        self.own = secrets.token_hex(_NAME_BYTES)
        self._url = url
        self._port = port
        self._redis = redis
        self._register = redis.client.register_script(_REGISTER)
        self._list = redis.client.register_script(_LIST)
        self._cached: _Table | None = None
        self._cached_until = 0.0
        self._remembered: OrderedDict[str, str] = OrderedDict()
        self._passed_on: Counter[str] = Counter(dict.fromkeys(Passed, 0))
        self._lock = threading.Lock()
        self._entry = ""

    def register(self) -> None:
        """Let the others find this node, to be called every RENEWAL_SECONDS."""
        if not self._entry:
            url = self._url
            if url == AUTO:
                try:
                    url = f"http://{self._redis.own_address()}:{self._port}"
                except OSError as error:  # the name of the server is not known yet
                    _log.warning("This node does not know its address: %s", error)
                    return
            self._entry = f"{self.own} {url}"
            _log.info("This node is %s, at %s", self.own, url)
        self._redis.ask(
            lambda: self._register([_TABLE, _SINCE], [self._entry, LIFE_SECONDS * 1000])
        )

    def leave(self) -> None:
        """Let the others know that this node ends."""
        self._redis.ask(lambda: self._redis.client.zrem(_TABLE, self._entry))

    @property
    def known(self) -> int:
        """The number of nodes in the table as it was read last, without asking for it."""
        return 0 if self._cached is None else len(self._cached.urls)

    @property
    def passed_on(self) -> Mapping[str, int]:
        """The requests that were passed on so far, by what has come of it."""
        with self._lock:
            return dict(self._passed_on)

    def count(self, result: Passed) -> None:
        """Count a request that was passed on."""
        with self._lock:
            self._passed_on[result] += 1

    def named_in(self, identity: str) -> str | None:
        """Return the other node that an id ends with; None if it is this one, or there is none."""
        _, _, name = identity.rpartition(".")
        return name if name != self.own and _NAME.fullmatch(name) else None

    def find(self, name: str) -> Place:
        """Find a node.

        A name that is not in the table may still be a living node's, which does not reach Redis: so
        its last known address is worth a try. Nor is a node lost that a server without its data
        does not know yet.
        """
        table = self._current()
        with self._lock:
            url = self._remembered.get(name)
        if table is None:
            return Place(url, is_lost=False)
        return Place(url, is_lost=name not in table.urls and table.is_complete)

    def others(self) -> Mapping[str, str]:
        """Return the URLs of all other nodes by their names; those known last if Redis is away."""
        table = self._current()
        if table is None:
            with self._lock:
                urls: Mapping[str, str] = dict(self._remembered)
        else:
            urls = table.urls
        return {name: url for name, url in urls.items() if name != self.own}

    def _current(self) -> _Table | None:
        if time.monotonic() >= self._cached_until:
            answer = self._redis.ask(lambda: self._list([_TABLE, _SINCE]))
            table = None if answer is None else _parsed(*answer)
            with self._lock:
                self._cached, self._cached_until = table, time.monotonic() + _CACHE_SECONDS
                self._remembered |= {} if table is None else table.urls
                while len(self._remembered) > _MAX_REMEMBERED:
                    self._remembered.popitem(last=False)
        return self._cached


def _parsed(age_ms: int, entries: list[bytes]) -> _Table:
    pairs = (entry.decode().partition(" ") for entry in entries)
    return _Table({name: url for name, _, url in pairs}, is_complete=age_ms >= LIFE_SECONDS * 1000)
