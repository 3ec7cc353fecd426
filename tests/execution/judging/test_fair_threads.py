"""Whose turn it is, and what happens to tasks that nobody wants any more."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from bitrun.execution.judging.fair_threads import FairThreads
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import ClientDisconnected
from bitrun.telemetry import request_context
from tests.support.waiting import wait_until


class Turns:
    """Tasks that note their turn, and end when they may."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._may_end = threading.Semaphore(0)

    def task(self, name: str) -> Callable[[], str]:
        return partial(self._take, name)

    def _take(self, name: str) -> str:
        self.begun.append(name)
        assert self._may_end.acquire(timeout=10)
        return name

    def have_begun(self, count: int) -> bool:
        return wait_until(lambda: len(self.begun) == count, 5)

    def end(self, count: int) -> None:
        self._may_end.release(count)


def reading(
    threads: FairThreads, client: str, tasks: list[Callable[[], str]], weight: int = 1
) -> threading.Thread:
    reader = threading.Thread(target=lambda: list(threads.run(client, tasks, weight=weight)))
    reader.start()
    return reader


@contextmanager
def finished(turns: Turns, *readers: threading.Thread) -> Iterator[None]:
    yield
    turns.end(1000)
    for reader in readers:
        reader.join(10)
        assert not reader.is_alive()


def test_results_come_as_they_end() -> None:
    threads = FairThreads(2)
    delays = (0.3, 0.1)
    found = list(threads.run("a", [partial(time.sleep, delay) for delay in delays]))
    assert found == [(1, None), (0, None)]
    assert list(threads.run("a", [])) == []


def test_no_more_than_there_are_places() -> None:
    turns, threads = Turns(), FairThreads(3)
    reader = reading(threads, "a", [turns.task(str(number)) for number in range(9)])
    with finished(turns, reader):
        assert turns.have_begun(3)
        time.sleep(0.05)
        assert turns.begun == ["0", "1", "2"]


def test_clients_take_turns_whatever_they_send() -> None:
    turns, threads = Turns(), FairThreads(1)
    readers = [reading(threads, "a", [turns.task("a1")] * 9)]
    assert wait_until(lambda: turns.begun == ["a1"], 5)
    readers += [reading(threads, "a", [turns.task("a2")] * 9)]
    readers += [reading(threads, "b", [turns.task("b")] * 9)]
    with finished(turns, *readers):
        time.sleep(0.1)
        for count in range(2, 10):
            turns.end(1)
            assert turns.have_begun(count)
        assert turns.begun == ["a1", "b", "a2", "b", "a1", "b", "a2", "b", "a1"]


def test_heavy_tasks_get_their_turn() -> None:
    turns, threads = Turns(), FairThreads(2)
    readers = [reading(threads, "a", [turns.task("light")] * 9)]
    assert turns.have_begun(2)
    readers += [reading(threads, "b", [turns.task("heavy")] * 2, weight=9)]
    with finished(turns, *readers):
        time.sleep(0.1)
        turns.end(1)
        time.sleep(0.1)
        assert len(turns.begun) == 2  # the place is kept for it
        turns.end(1)
        assert wait_until(lambda: turns.begun[2:] == ["heavy"], 5)


def test_a_slow_reader_holds_no_place() -> None:
    threads = FairThreads(1)
    begun: list[int] = []
    slow = threads.run("a", [partial(begun.append, 1)] * 100)
    next(slow)
    assert list(threads.run("b", [lambda: None] * 3))
    time.sleep(0.1)
    assert len(begun) == 3  # the first was read
    assert len(list(slow)) == 99


def test_an_error_ends_the_others() -> None:
    threads = FairThreads(1)
    begun = []

    def fail() -> None:
        begun.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(threads.run("a", [fail] * 5))
    assert len(begun) <= 2
    assert list(threads.run("a", [lambda: 1])) == [(0, 1)]


def test_one_who_hangs_up_ends_what_runs() -> None:
    threads = FairThreads(2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = ClientConnection(ours)
        begun, ended = [], []

        def task() -> None:
            begun.append(1)
            try:
                while True:
                    time.sleep(0.02)
                    connection.check()
            except ClientDisconnected:
                ended.append(1)
                raise

        results = threads.run("a", [task] * 9, connection=connection)
        threading.Timer(0.2, theirs.shutdown, [socket.SHUT_RDWR]).start()
        with pytest.raises(ClientDisconnected):
            list(results)
        assert (len(begun), len(ended)) == (2, 2)


def test_a_reader_that_leaves_ends_what_runs() -> None:
    threads = FairThreads(1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = ClientConnection(ours)

        def task() -> None:
            while True:
                time.sleep(0.02)
                connection.check()

        results = threads.run("a", [lambda: None, task], connection=connection)
        next(results)
        results.close()
        assert list(threads.run("a", [lambda: 1])) == [(0, 1)]


def test_tasks_have_the_id_of_their_request() -> None:
    threads = FairThreads(1)
    request_context.begin("mine")
    found = list(threads.run("a", [request_context.request_id] * 2))
    request_context.end()
    assert found == [(0, "mine"), (1, "mine")]
    assert list(threads.run("a", [request_context.request_id])) == [(0, None)]


def test_threads_end_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait_until(lambda: not names(), 15)  # those of the other tests
    monkeypatch.setattr("bitrun.execution.judging.fair_threads._IDLE_SECONDS", 0.05)
    threads = FairThreads(3)
    list(threads.run("a", [lambda: None] * 9))
    assert wait_until(lambda: not names(), 5)
    list(threads.run("a", [lambda: None] * 9))
    assert wait_until(lambda: not names(), 5)


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "judging"]
