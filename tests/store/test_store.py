"""The store, in SQLite and in Redis alike: records, bounds, and queues with leases."""

import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from bitrun.model.errors import QueueFull, StorageError, StoreFull
from bitrun.store.redis_store import RedisStore
from bitrun.store.sqlite import SqliteStore
from bitrun.store.store import MIN_CHARGE, Bounds, QueueLength, Record, Store
from tests.support.redis import Redis

BOUNDS = Bounds(total=20 * MIN_CHARGE, of_owner=10 * MIN_CHARGE, queue=8)

Open = Callable[[], Store]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the same store, each time as another process would."""
    opened: list[Store] = []
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        with closing(redis.Redis(port=server.port)) as client:
            client.flushall()

    def open_one() -> Store:
        if request.param == "sqlite":
            opened.append(SqliteStore(tmp_path / "folder" / "store.db", BOUNDS))
        else:
            opened.append(RedisStore(server.url, BOUNDS))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


def record(key: str, owner: str = "alice", content: bytes = b"x", **more: object) -> Record:
    values = {"expires": time.time() + 60} | more
    return Record("note", key, owner, content, **values)  # type: ignore[arg-type]


def add(store: Store, *keys: str, evict: bool = False, **more: object) -> None:
    store.add([record(key, **more) for key in keys], evict=evict)  # type: ignore[arg-type]


def test_a_record_is_its_owners(store: Store, open_store: Open) -> None:
    before = time.time()
    add(store, "one", content=b"\0\xff")
    for each in (store, open_store()):
        found = each.get("note", "alice", "one")
        assert found is not None
        assert (found.content, found.queue, found.is_taken) == (b"\0\xff", None, False)
        assert before - 1 < found.created < time.time() + 1
        assert each.get("note", "bob", "one") is None
        assert each.get("file", "alice", "one") is None
    assert not store.replace("note", "bob", "one", b"")
    assert store.replace("note", "alice", "one", b"other")
    changed = store.get("note", "alice", "one")
    assert changed is not None
    assert changed.content == b"other"
    assert not store.delete("note", "bob", "one")
    assert store.delete("note", "alice", "one")
    assert store.get("note", "alice", "one") is None
    assert not store.delete("note", "alice", "one")
    assert not store.replace("note", "alice", "one", b"")


def test_the_newest_come_first(store: Store) -> None:
    add(store, "a", "b", "c")
    add(store, "of-bob", owner="bob")
    assert store.newest("note", "alice", 2) == ["c", "b"]
    assert store.newest("note", "alice", 5, skip=2) == ["a"]
    assert store.count("note", "alice") == 3
    assert store.newest("note", "carol", 5) == []


def test_records_expire(store: Store) -> None:
    add(store, "old", expires=time.time() - 1)
    add(store, "waits", expires=time.time() - 1, queue="q")
    add(store, "new")
    assert store.get("note", "alice", "old") is None
    assert store.count("note", "alice") == 2
    store.remove_expired()
    assert store.newest("note", "alice", 5) == ["new", "waits"]
    assert not store.delete("note", "alice", "waits")


def test_bounds_refuse_or_evict(store: Store) -> None:
    add(store, *(f"a{n}" for n in range(10)))
    with pytest.raises(StoreFull, match=f"for you may take {10 * MIN_CHARGE} bytes"):
        add(store, "more")
    add(store, *(f"b{n}" for n in range(10)), owner="bob")
    with pytest.raises(StoreFull, match=f"keeps {20 * MIN_CHARGE} bytes for all"):
        add(store, "of-carol", owner="carol")
    add(store, "new", content=b"x" * MIN_CHARGE * 2, evict=True)
    assert store.get("note", "alice", "a0") is None
    assert "new" in store.newest("note", "alice", 1)
    assert store.count("note", "bob") == 10
    # Of the one with the most.
    add(store, "a-again", *(f"c{n}" for n in range(5)), owner="carol", evict=True)
    assert store.count("note", "carol") == 6
    with pytest.raises(StoreFull):
        add(store, "huge", content=b"x" * MIN_CHARGE * 11, evict=True)


def test_where_a_record_waits(store: Store) -> None:
    add(store, "waits", queue="q")
    add(store, "done")
    assert store.queue_of("note", "alice", "waits") == "q"
    assert store.queue_of("note", "alice", "done") is None
    assert store.queue_of("note", "bob", "waits") is None
    assert store.queue_of("note", "alice", "none") is None


def test_what_waits_is_not_evicted(store: Store) -> None:
    add(store, "a", "b", content=b"x" * 5 * MIN_CHARGE, owner="bob", queue="q")
    with pytest.raises(StoreFull):
        add(store, "c", owner="bob", evict=True)
    assert store.length("q") == QueueLength(2, 0)


def test_a_queue_is_bounded_for_one_and_for_all(store: Store) -> None:
    add(store, "a", "b", "c", "d", queue="q")
    with pytest.raises(QueueFull):
        add(store, "e", queue="q")
    add(store, "f", queue="another")
    add(store, "g", "h", owner="bob", queue="q")
    with pytest.raises(QueueFull):  # all of them or none
        add(store, "i", "j", "k", owner="carol", queue="q")
    add(store, "i", "j", owner="carol", queue="q")
    assert store.length("q") == QueueLength(8, 0)


def test_the_owner_with_the_fewest_taken_is_next(store: Store) -> None:
    add(store, "a1", "a2", "a3", queue="q")
    add(store, "b1", "b2", owner="bob", queue="q")
    taken = [store.take("q") for _ in range(6)]
    assert [each and each.key for each in taken] == ["a1", "b1", "a2", "b2", "a3", None]
    assert store.length("q") == QueueLength(0, 5)


def test_a_lease_ends_and_the_late_result_counts_for_nothing(
    store: Store, open_store: Open
) -> None:
    add(store, "one", queue="q")
    other = open_store()
    first = store.take("q", seconds=0.05)
    assert first is not None
    assert (first.attempt, first.is_taken) == (1, True)
    time.sleep(0.1)
    second = other.take("q")
    assert second is not None
    assert second.attempt == 2
    assert not store.finish(first, b"late", time.time() + 60)
    assert other.finish(second, b"done", time.time() + 60)
    assert not other.finish(second, b"twice", time.time() + 60)
    found = store.get("note", "alice", "one")
    assert found is not None
    assert (found.content, found.queue) == (b"done", None)
    assert store.take("q") is None


def test_a_lease_is_prolonged_and_given_back(store: Store) -> None:
    add(store, "one", queue="q")
    first = store.take("q", seconds=0.3)
    assert first is not None
    store.renew([first], seconds=60)
    time.sleep(0.4)
    assert store.take("q") is None
    store.release(first, uncounted=True)
    again = store.take("q")
    assert again is not None
    assert again.attempt == 1
    assert not store.finish(first, b"of the lease before", time.time() + 60)
    store.release(again)
    third = store.take("q")
    assert third is not None
    assert third.attempt == 2


def test_a_record_goes_on_to_another_queue(store: Store) -> None:
    add(store, "one", queue="q")
    first = store.take("q")
    assert first is not None
    assert store.finish(first, b"half", time.time() + 60, "next")
    second = store.take("next")
    assert second is not None
    assert (second.content, second.attempt) == (b"half", 1)
    assert store.finish(second, b"whole", time.time() + 60)
    assert store.length("next") == QueueLength(0, 0)


def test_each_is_taken_once(open_store: Open) -> None:
    first = open_store()
    for number in range(8):
        add(first, f"k{number}", owner=f"o{number % 4}", queue="q")
    taken: list[str] = []

    def take() -> None:
        store = open_store()
        while (found := store.take("q")) is not None:
            taken.append(found.key)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"k{number}" for number in range(8)]


def test_the_file_is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    store = SqliteStore(path, BOUNDS)
    store.remove_expired()
    assert not path.exists()  # nothing needs it yet
    add(store, "one")
    for each in path.parent.iterdir():
        if not each.name.endswith(".lock"):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    store = SqliteStore(tmp_path / "shared" / "store.db", BOUNDS)
    with pytest.raises(StorageError, match="only this user can write to"):
        add(store, "one")


def test_another_version_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", BOUNDS)
    add(store, "one")
    store.close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="another version of BitRun"):
        store.count("note", "alice")


def test_a_redis_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not answer"):
        RedisStore("redis://127.0.0.1:1", BOUNDS).count("note", "alice")
