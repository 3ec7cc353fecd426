"""The store in a file: SQLite."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bitrun.model.errors import StorageError
from bitrun.store.store import (
    LEASE_SECONDS,
    Bounds,
    QueueLength,
    Record,
    charge_of,
    check_queue,
    check_sizes,
    stamped,
)

_VERSION = 1  # of the schema
_BUSY_SECONDS = 30.0  # for another process that writes
_EVICTED_AT_ONCE = 32

_SCHEMA = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    owner TEXT NOT NULL,
    content BLOB NOT NULL,
    charge INTEGER NOT NULL,
    created REAL NOT NULL,
    expires REAL NOT NULL,
    queue TEXT,
    taken_until REAL NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, key)
);
CREATE INDEX by_owner ON records (kind, owner, number);
CREATE INDEX by_queue ON records (queue, owner, taken_until) WHERE queue IS NOT NULL;
CREATE INDEX by_expiry ON records (expires) WHERE queue IS NULL;
CREATE TABLE sizes (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL);
CREATE TRIGGER added AFTER INSERT ON records BEGIN
    INSERT INTO sizes VALUES (new.owner, new.charge)
        ON CONFLICT (owner) DO UPDATE SET bytes = bytes + new.charge;
END;
CREATE TRIGGER changed AFTER UPDATE OF charge ON records BEGIN
    UPDATE sizes SET bytes = bytes + new.charge - old.charge WHERE owner = new.owner;
END;
CREATE TRIGGER removed AFTER DELETE ON records BEGIN
    UPDATE sizes SET bytes = bytes - old.charge WHERE owner = old.owner;
    DELETE FROM sizes WHERE owner = old.owner AND bytes = 0;
END;
"""

_COLUMNS = (
    "kind", "key", "owner", "content", "expires", "created", "queue", "attempt", "lease",
    "taken_until",
)  # fmt: skip
_ALL = ", ".join(_COLUMNS)

_NEXT = """
SELECT number FROM records AS waiting
LEFT JOIN (
    SELECT owner, count(*) AS taken FROM records
    WHERE queue = :queue AND taken_until > :now GROUP BY owner
) AS others ON others.owner = waiting.owner
WHERE queue = :queue AND taken_until <= :now
ORDER BY ifnull(taken, 0), number LIMIT 1
"""


class SqliteStore:
    """A `Store` in one file, which is created with the first use.

    Everything that is written is on the disk before a method returns: a killed service and a lost
    power supply lose nothing.
    """

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self._path = path
        self._bounds = bounds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def add(self, records: Sequence[Record], *, evict: bool = False) -> None:
        first = records[0]
        added = sum(record.charge for record in records)
        with self._transaction() as database:
            if first.queue is not None:
                self._check_queue(database, first.queue, first.owner, len(records))
            self._make_room(database, first, added, evict=evict)
            database.executemany(
                "INSERT INTO records (kind, key, owner, content, charge, created, expires, queue)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        record.kind, record.key, record.owner, record.content, record.charge,
                        record.created, record.expires, record.queue,
                    )
                    for record in stamped(records)
                ],
            )  # fmt: skip

    def get(self, kind: str, owner: str, key: str) -> Record | None:
        with self._reading() as database:
            found = database.execute(
                f"SELECT {_ALL} FROM records WHERE kind = ? AND key = ? AND owner = ?"
                " AND (queue IS NOT NULL OR expires > ?)",
                (kind, key, owner, time.time()),
            ).fetchone()
        return None if found is None else _record(found)

    def queue_of(self, kind: str, owner: str, key: str) -> str | None:
        with self._reading() as database:
            found = database.execute(
                "SELECT queue FROM records WHERE kind = ? AND key = ? AND owner = ?",
                (kind, key, owner),
            ).fetchone()
        return None if found is None else found[0]

    def replace(self, kind: str, owner: str, key: str, content: bytes) -> bool:
        with self._transaction() as database:
            return bool(
                database.execute(
                    "UPDATE records SET content = ?, charge = ?"
                    " WHERE kind = ? AND key = ? AND owner = ? AND queue IS NULL AND expires > ?",
                    (content, charge_of(content), kind, key, owner, time.time()),
                ).rowcount
            )

    def delete(self, kind: str, owner: str, key: str) -> bool:
        with self._transaction() as database:
            return bool(
                database.execute(
                    "DELETE FROM records"
                    " WHERE kind = ? AND key = ? AND owner = ? AND queue IS NULL AND expires > ?",
                    (kind, key, owner, time.time()),
                ).rowcount
            )

    def newest(self, kind: str, owner: str, count: int, skip: int = 0) -> list[str]:
        with self._reading() as database:
            found = database.execute(
                "SELECT key FROM records WHERE kind = ? AND owner = ?"
                " AND (queue IS NOT NULL OR expires > ?) ORDER BY number DESC LIMIT ? OFFSET ?",
                (kind, owner, time.time(), count, skip),
            ).fetchall()
        return [key for (key,) in found]

    def count(self, kind: str, owner: str) -> int:
        with self._reading() as database:
            found = database.execute(
                "SELECT count(*) FROM records WHERE kind = ? AND owner = ?"
                " AND (queue IS NOT NULL OR expires > ?)",
                (kind, owner, time.time()),
            ).fetchone()
        return int(found[0])

    def take(self, queue: str, seconds: float = LEASE_SECONDS) -> Record | None:
        wanted = {"queue": queue, "now": time.time()}
        with self._reading() as database:
            # Most of the time there is none, and to know that takes no writer's lock.
            if database.execute(_NEXT, wanted).fetchone() is None:
                return None
        with self._transaction() as database:
            found = database.execute(
                "UPDATE records SET taken_until = :now + :seconds, attempt = attempt + 1,"
                " lease = lease + 1"
                f" WHERE number = ({_NEXT}) RETURNING {_ALL}",
                wanted | {"seconds": seconds},
            ).fetchone()
        return None if found is None else _record(found)

    def renew(self, records: Iterable[Record], seconds: float = LEASE_SECONDS) -> None:
        until = time.time() + seconds
        with self._transaction() as database:
            database.executemany(
                f"UPDATE records SET taken_until = ? WHERE {_IS_HELD}",
                [(until, *record.claim) for record in records],
            )

    def finish(
        self, record: Record, content: bytes, expires: float, queue: str | None = None
    ) -> bool:
        with self._transaction() as database:
            return bool(
                database.execute(
                    "UPDATE records SET content = ?, charge = ?, expires = ?, queue = ?,"
                    f" taken_until = 0, attempt = 0 WHERE {_IS_HELD}",
                    (content, charge_of(content), expires, queue, *record.claim),
                ).rowcount
            )

    def release(self, record: Record, *, uncounted: bool = False) -> None:
        with self._transaction() as database:
            database.execute(
                f"UPDATE records SET taken_until = 0, attempt = attempt - ? WHERE {_IS_HELD}",
                (int(uncounted), *record.claim),
            )

    def length(self, queue: str) -> QueueLength:
        with self._reading() as database:
            total, taken = database.execute(
                "SELECT count(*), ifnull(sum(taken_until > ?), 0) FROM records WHERE queue = ?",
                (time.time(), queue),
            ).fetchone()
        return QueueLength(total - taken, taken)

    def remove_expired(self) -> None:
        if self._connection is None and not self._path.exists():
            return
        with self._transaction() as database:
            database.execute(
                "DELETE FROM records WHERE queue IS NULL AND expires <= ?", (time.time(),)
            )

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _check_queue(
        self, database: sqlite3.Connection, queue: str, owner: str, added: int
    ) -> None:
        waiting, of_owner = database.execute(
            "SELECT count(*), ifnull(sum(owner = ?), 0) FROM records"
            " WHERE queue = ? AND taken_until <= ?",
            (owner, queue, time.time()),
        ).fetchone()
        check_queue(self._bounds, waiting, of_owner, added)

    def _make_room(
        self, database: sqlite3.Connection, first: Record, added: int, *, evict: bool
    ) -> None:
        sizes: dict[str, int] = dict(database.execute("SELECT owner, bytes FROM sizes"))
        while evict:
            if sizes.get(first.owner, 0) + added > self._bounds.of_owner:
                owner = first.owner
            elif sum(sizes.values()) + added > self._bounds.total:
                owner = max(sizes, key=lambda each: sizes[each])
            else:
                break
            if not _evict(database, first.kind, owner):
                break
            sizes = dict(database.execute("SELECT owner, bytes FROM sizes"))
        check_sizes(self._bounds, sizes.get(first.owner, 0), sum(sizes.values()), added)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._opened()
            except (sqlite3.Error, OSError) as error:
                raise self._failure(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                database = self._opened()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise self._failure(error) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            _make_folder(self._path.parent)
            # SQLite does not wait for another process that makes the file.
            with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        # SQLite would create it for all to read. Only if there is none: with the close of any
        # descriptor of a file, this process gives up the locks that other connections have in it.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        database = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            self._check_version(version)
            if version == 0:
                database.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except BaseException:
            database.close()
            raise
        return database

    def _check_version(self, version: int) -> None:
        if version not in (0, _VERSION):
            raise StorageError(
                f"{self._path} is of another version of BitRun: set BITRUN_STORE to another file,"
                " or remove this one with all that is in it"
            )

    def _failure(self, error: Exception) -> StorageError:
        return StorageError(f"The store {self._path} can't be used: {error}")


_IS_HELD = "kind = ? AND key = ? AND queue = ? AND lease = ? AND taken_until > 0"


def _make_folder(folder: Path) -> None:
    """Make the folder, or check that no other user can put files into it.

    Raises:
        StorageError: another user can.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StorageError(f"{folder} must be a folder that only this user can write to")


def _evict(database: sqlite3.Connection, kind: str, owner: str) -> bool:
    """Remove the oldest records that are in no queue; False without any."""
    found = database.execute(
        "DELETE FROM records WHERE number IN (SELECT number FROM records"
        " WHERE kind = ? AND owner = ? AND queue IS NULL ORDER BY number LIMIT ?)",
        (kind, owner, _EVICTED_AT_ONCE),
    )
    return bool(found.rowcount)


def _record(row: tuple[Any, ...]) -> Record:
    values = dict(zip(_COLUMNS, row, strict=True))
    taken_until = values.pop("taken_until")
    return Record(**values, is_taken=taken_until > time.time())
