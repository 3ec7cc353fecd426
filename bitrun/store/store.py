"""What a store is: SQLite is one for a single machine, Redis one for several replicas.

A record has a kind, and within it a key; its content is bytes that only the owner of the kind
understands. A record may wait in a queue, by its name. Whoever takes it has a lease, which ends by
itself if its holder dies: then it is taken again, as the next attempt. What an earlier attempt
still finds out is not written.
"""

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bitrun.model.errors import QueueFull, StoreFull

# What a record counts for at least, so that limits of bytes are limits of the number, too.
MIN_CHARGE = 1024

LEASE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """A record. Times are seconds since the epoch.

    It expires at `expires`, but not while it is in a `queue`. `attempt` counts how often it was
    taken from its queue and not given back, `lease` is the number of the last lease, and `is_taken`
    says that it has not ended.
    """

    kind: str
    key: str
    owner: str
    content: bytes
    expires: float
    created: float = 0.0
    queue: str | None = None
    attempt: int = 0
    lease: int = 0
    is_taken: bool = False

    @property
    def charge(self) -> int:
        """Bytes that it counts for."""
        return charge_of(self.content)

    @property
    def claim(self) -> tuple[str, str, str | None, int]:
        """What tells a holder from a later one: kind, key, queue and lease."""
        return self.kind, self.key, self.queue, self.lease


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes that all records may take, and those of one owner; records that wait in a queue."""

    total: int
    of_owner: int
    queue: int

    @property
    def queue_of_owner(self) -> int:
        """Records of one owner that may wait in a queue: half of it is for others."""
        return -(-self.queue // 2)


@dataclass(frozen=True, slots=True)
class QueueLength:
    """Records of a queue that wait, and those that are taken."""

    waiting: int
    taken: int


class Store(Protocol):
    """The records of all clients. Threads and processes share it.

    Every method raises StorageError if the store can't be used.
    """

    def add(self, records: Sequence[Record], *, evict: bool = False) -> None:
        """Add new records of one kind, owner and queue: all or none of them.

        With `evict` they may replace the oldest ones of the kind that are in no queue: the owner's
        own for its bound, else those of the owner with the most bytes.

        Raises:
            QueueFull: the queue has no room for them.
            StoreFull: they do not fit into the bounds.
        """

    def get(self, kind: str, owner: str, key: str) -> Record | None:
        """Return a record of an owner; None if it has none, or it has expired."""

    def queue_of(self, kind: str, owner: str, key: str) -> str | None:
        """Return the queue that `get` would tell of, without reading the content."""

    def replace(self, kind: str, owner: str, key: str, content: bytes) -> bool:
        """Change the content of a record that is in no queue; False if there is none."""

    def delete(self, kind: str, owner: str, key: str) -> bool:
        """Remove a record that is in no queue; False if there is none."""

    def newest(self, kind: str, owner: str, count: int, skip: int = 0) -> list[str]:
        """Return the keys of an owner's records, the newest first."""

    def count(self, kind: str, owner: str) -> int:
        """Return how many records an owner has."""

    def take(self, queue: str, seconds: float = LEASE_SECONDS) -> Record | None:
        """Take the next record of a queue; None if none waits.

        It is that of the owner with the fewest taken ones, and of those the oldest.
        """

    def renew(self, records: Iterable[Record], seconds: float = LEASE_SECONDS) -> None:
        """Prolong the leases of taken records."""

    def finish(
        self, record: Record, content: bytes, expires: float, queue: str | None = None
    ) -> bool:
        """Write the content of a taken record, which leaves its queue, or goes on to another.

        False, and nothing is written, if the lease has been another's since.
        """

    def release(self, record: Record, *, uncounted: bool = False) -> None:
        """Give a taken record back; `uncounted` if it was no attempt."""

    def length(self, queue: str) -> QueueLength:
        """Count the records of a queue."""

    def remove_expired(self) -> None:
        """Remove what has expired."""

    def close(self) -> None:
        """Release connections and files."""


def charge_of(content: bytes) -> int:
    return max(len(content), MIN_CHARGE)


def check_sizes(bounds: Bounds, owner: int, total: int, added: int) -> None:
    """Check that records fit.

    Args:
        bounds: those of the store.
        owner: bytes that the owner has.
        total: bytes that all have.
        added: bytes of the new ones.

    Raises:
        StoreFull: they do not.
    """
    if owner + added > bounds.of_owner:
        raise StoreFull(bounds.of_owner, of_client=True)
    if total + added > bounds.total:
        raise StoreFull(bounds.total)


def check_queue(bounds: Bounds, waiting: int, of_owner: int, added: int) -> None:
    """Check that a queue has room.

    Raises:
        QueueFull: it has none, or this owner's part is full.
    """
    if waiting + added > bounds.queue or of_owner + added > bounds.queue_of_owner:
        raise QueueFull


def stamped(records: Iterable[Record]) -> list[Record]:
    """Return new records with the time of their creation."""
    now = time.time()
    return [dataclasses.replace(record, created=now) for record in records]
