"""The store in a Redis server, for the replicas of a service.

Each method is one call of a script, which Redis carries out as a whole. All keys have one hash tag,
so that a cluster has them in one place.

    r:<kind>:<key>      hash: the record
    o:<kind>:<owner>    sorted set: the keys of an owner's records, by their numbers
    q:<queue>           sorted set: the names of the records in a queue, by their numbers
    expiry              sorted set: the names of records in no queue, by when they expire
    sizes               hash: the bytes of each owner
    number              the last number
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bitrun.model.errors import QueueFull, StorageError, StoreFull
from bitrun.store.store import (
    LEASE_SECONDS,
    Bounds,
    QueueLength,
    Record,
    charge_of,
    stamped,
)

_TIMEOUT_SECONDS = 5.0
_SCRIPT = Path(__file__).with_name("redis_store.lua")
_PREFIX = "{bitrun}:store:"


class RedisStore:
    """A `Store` in a Redis server; what is lost with it, the server's persistence decides."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        """Connect with the first use; `url` is as that of the rate limits."""
        self._bounds = bounds
        self._client = redis.Redis.from_url(
            url.replace("redis+unix://", "unix://", 1),
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._script: Callable[..., Any] = self._client.register_script(
            _SCRIPT.read_text(encoding="utf-8")
        )

    def add(self, records: Sequence[Record], *, evict: bool = False) -> None:
        first, bounds = records[0], self._bounds
        values: list[Any] = []
        for record in stamped(records):
            values += [record.key, record.content, record.charge, record.created, record.expires]
        answer = self._call(
            "add", first.kind, first.owner, first.queue or "", int(evict),
            bounds.total, bounds.of_owner, bounds.queue, bounds.queue_of_owner, *values,
        )  # fmt: skip
        match answer:
            case b"queue":
                raise QueueFull
            case b"owner":
                raise StoreFull(bounds.of_owner, of_client=True)
            case b"total":
                raise StoreFull(bounds.total)

    def get(self, kind: str, owner: str, key: str) -> Record | None:
        return _record(self._call("get", kind, owner, key))

    def queue_of(self, kind: str, owner: str, key: str) -> str | None:
        queue: bytes | None = self._call("queue_of", kind, owner, key)
        return queue.decode() if queue else None

    def replace(self, kind: str, owner: str, key: str, content: bytes) -> bool:
        return bool(self._call("replace", kind, owner, key, content, charge_of(content)))

    def delete(self, kind: str, owner: str, key: str) -> bool:
        return bool(self._call("delete", kind, owner, key))

    def newest(self, kind: str, owner: str, count: int, skip: int = 0) -> list[str]:
        return [key.decode() for key in self._call("newest", kind, owner, skip, count)]

    def count(self, kind: str, owner: str) -> int:
        return int(self._call("count", kind, owner))

    def take(self, queue: str, seconds: float = LEASE_SECONDS) -> Record | None:
        return _record(self._call("take", queue, seconds))

    def renew(self, records: Iterable[Record], seconds: float = LEASE_SECONDS) -> None:
        for record in records:
            self._call("renew", *record.claim, seconds)

    def finish(
        self, record: Record, content: bytes, expires: float, queue: str | None = None
    ) -> bool:
        values = (content, charge_of(content), expires, queue or "")
        return bool(self._call("finish", *record.claim, *values))

    def release(self, record: Record, *, uncounted: bool = False) -> None:
        self._call("release", *record.claim, int(uncounted))

    def length(self, queue: str) -> QueueLength:
        waiting, taken = self._call("length", queue)
        return QueueLength(waiting, taken)

    def remove_expired(self) -> None:
        self._call("remove_expired")

    def close(self) -> None:
        self._client.close()

    def _call(self, name: str, *values: Any) -> Any:
        try:
            return self._script(keys=[_PREFIX], args=[name, *values])
        except redis.RedisError as error:
            raise StorageError(f"The Redis server of the store does not answer: {error}") from error


def _record(row: list[bytes] | None) -> Record | None:
    if row is None:
        return None
    kind, key, owner, content, expires, created, queue, attempt, lease, is_taken = row
    return Record(
        kind.decode(),
        key.decode(),
        owner.decode(),
        content,
        float(expires),
        float(created),
        queue.decode() or None,
        int(attempt),
        int(lease),
        is_taken=bool(int(is_taken)),
    )
