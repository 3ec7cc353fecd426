"""Work in the background: attempts, leases, errors, and the end of the service."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitrun.execution import work_queue
from bitrun.execution.work_queue import MAX_ATTEMPTS, Done, WorkQueue
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import (
    BoxEnded,
    Busy,
    ClientDisconnected,
    EngineUnavailable,
    StorageError,
)
from bitrun.store.sqlite import SqliteStore
from bitrun.store.store import Bounds, Record
from tests.support.waiting import wait_until

Work = Callable[[Record, ClientConnection], bytes]


class Handler:
    """Answers with what a function returns; counts its calls."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.calls = 0

    def work(self, record: Record, connection: ClientConnection) -> Done:
        self.calls += 1
        return Done(self._work(record, connection), time.time() + 60)

    def fail(self, record: Record) -> Done:
        return Done(b"failed", time.time() + 60)


class Queue:
    """A queue with one record, and its store."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path, Bounds(10**6, 10**6, 100))
        self.store.add([Record("work", "key", "alice", b"", time.time() + 60, queue="q")])
        self.queue = WorkQueue(self.store)

    def serve(self, work: Work) -> Handler:
        handler = Handler(work)
        self.queue.serve("q", handler, 2)
        self.queue.start()
        return handler

    def content(self) -> bytes | None:
        """Return the content of the record once it is done."""
        record = self.store.get("work", "alice", "key")
        assert record is not None
        return record.content if record.queue is None else None


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setattr(work_queue, "_PAUSE_SECONDS", 0.01)
    found = Queue(tmp_path / "store.db")
    yield found
    found.queue.close()


def test_work_is_done_once(queue: Queue) -> None:
    handler = queue.serve(lambda record, _: record.owner.encode())
    assert wait_until(lambda: queue.content() == b"alice", 10)
    assert handler.calls == 1


def test_a_waiter_gets_the_record_that_is_done(queue: Queue) -> None:
    go = threading.Event()
    queue.serve(lambda *_: b"done" if go.wait(10) else b"")
    threading.Timer(0.1, go.set).start()
    queue.queue.wait("q", "work", "alice", "key", None)
    assert queue.content() == b"done"
    queue.queue.wait("q", "work", "alice", "another", None)  # there is none


@pytest.mark.parametrize("error", [Busy(), EngineUnavailable("away"), ClientDisconnected()])
def test_what_can_not_be_done_now_is_no_attempt(queue: Queue, error: Exception) -> None:
    attempts = []

    def work(record: Record, _: ClientConnection) -> bytes:
        attempts.append(record.attempt)
        if len(attempts) <= 2 * MAX_ATTEMPTS:
            raise error
        return b"done"

    queue.serve(work)
    assert wait_until(lambda: queue.content() == b"done", 10)
    assert set(attempts) == {1}


@pytest.mark.parametrize("error", [BoxEnded(1), ZeroDivisionError()])
def test_what_fails_again_and_again_is_given_up(
    queue: Queue, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def work(*_: object) -> bytes:
        raise error

    handler = queue.serve(work)
    assert wait_until(lambda: queue.content() == b"failed", 10)
    assert handler.calls == MAX_ATTEMPTS
    assert type(error).__name__ in caplog.text or "box ended" in caplog.text


def test_leases_are_prolonged(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", 0.2)
    go = threading.Event()
    handler = queue.serve(lambda *_: b"done" if go.wait(10) else b"")
    assert wait_until(lambda: handler.calls, 10)
    length = queue.store.length("q")
    assert (length.waiting, length.taken) == (0, 1)
    taken = queue.store.get("work", "alice", "key")
    assert taken is not None
    queue.store.renew([taken], seconds=0.01)  # and then by the queue's own thread
    assert wait_until(lambda: queue.store.length("q").taken == 1, 10)
    go.set()
    assert wait_until(lambda: queue.content() == b"done", 10)


def test_the_end_of_the_service_gives_work_back(queue: Queue) -> None:
    def work(_: Record, connection: ClientConnection) -> bytes:
        while True:
            connection.check()
            time.sleep(0.01)

    handler = queue.serve(work)
    assert wait_until(lambda: handler.calls, 10)
    queue.queue.close()
    record = queue.store.take("q")
    assert record is not None
    assert record.attempt == 1


def test_two_queues_share_the_work(queue: Queue, tmp_path: Path) -> None:
    records = [
        Record("work", f"k{n}", f"owner{n % 3}", b"", time.time() + 60, queue="q")
        for n in range(40)
    ]
    queue.store.add(records)
    other = SqliteStore(tmp_path / "store.db", Bounds(10**6, 10**6, 100))
    second = WorkQueue(other)
    done: list[str] = []

    def work(record: Record, _: ClientConnection) -> bytes:
        done.append(record.key)
        return b"done"

    queue.serve(work)
    second.serve("q", Handler(work), 2)
    second.start()
    assert wait_until(lambda: queue.store.length("q").waiting == 0, 20)
    assert wait_until(lambda: queue.store.length("q").taken == 0, 20)
    assert sorted(done) == sorted(["key", *(f"k{n}" for n in range(40))])
    second.close()


@pytest.mark.parametrize("error", [StorageError("away"), RuntimeError("a mistake")])
def test_leases_are_renewed_again_after_an_error(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", 0.1)
    renewals = threading.Semaphore(0)

    def fail(_: object) -> None:
        renewals.release()
        raise error

    monkeypatch.setattr(queue.store, "renew", fail)
    go = threading.Event()
    queue.serve(lambda *_: b"done" if go.wait(10) else b"")
    for _ in range(2):
        assert renewals.acquire(timeout=10)
    go.set()
    assert wait_until(lambda: queue.content() == b"done", 10)
