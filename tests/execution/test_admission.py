"""Places, the queue before them, and callers who hang up."""

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from bitrun.access.at_once import SharedSemaphores
from bitrun.execution.admission import Admission
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, ClientDisconnected
from tests.support.server import Server
from tests.support.waiting import wait_until

Make = Callable[[int, int, float], Admission]


@pytest.fixture(params=["one worker", "several workers"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make an admission, with counters of this process or with those that workers share."""
    sets: list[SharedSemaphores] = []

    def make(runs: int, queue: int, timeout: float) -> Admission:
        if request.param == "one worker":
            return Admission(runs, queue, timeout)
        sets.append(SharedSemaphores(runs, queue))
        return Admission(runs, queue, timeout, places=sets[-1][0], room=sets[-1][1])

    yield make
    for each in sets:
        each.remove()


def test_a_place_comes_back(make: Make) -> None:
    admission = make(1, 0, 1.0)
    for _ in range(3):
        with admission.place(), pytest.raises(Busy), admission.place():
            pass


def test_the_wait_ends(make: Make) -> None:
    admission = make(1, 1, 0.2)
    with admission.place():
        started = time.monotonic()
        with pytest.raises(Busy), admission.place():
            pass
        assert 0.2 <= time.monotonic() - started < 0.5


def test_one_who_waits_gets_the_next_place(make: Make) -> None:
    admission = make(1, 1, 5.0)
    with ThreadPoolExecutor(1) as pool:
        with admission.place():
            waiting = pool.submit(lambda: admission.place().__enter__())
            time.sleep(0.1)
            assert not waiting.done()
        assert waiting.result(timeout=1) is None


@pytest.mark.attack(
    "request", "clients that hang up while they wait for a place", "their places are free at once"
)
def test_one_who_hangs_up_leaves_the_queue(make: Make) -> None:
    admission = make(1, 1, 5.0)
    ours, theirs = socket.socketpair()
    with admission.place(), ours:
        theirs.close()
        started = time.monotonic()
        with pytest.raises(ClientDisconnected), admission.place(ClientConnection(ours)):
            pass
        assert time.monotonic() - started < 1
    with admission.place():  # and the place that it never had is still there
        pass


def test_the_patient_wait_outside_of_the_queue(make: Make) -> None:
    admission = make(1, 0, 0.1)
    with ThreadPoolExecutor(2) as pool:
        with admission.place():
            waiting = [pool.submit(enter_and_leave, admission) for _ in range(2)]
            time.sleep(0.5)  # longer than the timeout of the queue
            assert not any(each.done() for each in waiting)
            assert admission.stats().waiting == 0
            with pytest.raises(Busy), admission.place():
                pass
        for each in waiting:
            each.result(timeout=1)
    ours, theirs = socket.socketpair()
    with admission.place(), ours:
        theirs.close()
        with (
            pytest.raises(ClientDisconnected),
            admission.place(ClientConnection(ours), patient=True),
        ):
            pass
    with admission.place():
        pass


def enter_and_leave(admission: Admission) -> None:
    with admission.place(patient=True):
        time.sleep(0.05)


@pytest.mark.also_engine
@pytest.mark.attack(
    "request", "more requests than places and queue", "503 with Retry-After at once"
)
def test_too_many_are_rejected_at_once(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=1, max_queue=1, queue_timeout=10)
    server.run(filename="a.sh", content="true")  # it has asked the engine what is installed

    def run(number: int) -> requests.Response:
        time.sleep(number * 0.3)
        return server.run(filename="a.sh", content="sleep 1.5; echo done")

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(run, range(4)))
    assert Counter(reply.status_code for reply in replies) == {200: 2, 503: 2}
    for reply in replies:
        if reply.status_code == 503:
            assert reply.json() == {"error": "All places are taken. Try again in a moment"}
            assert reply.headers["Retry-After"] == "1"
            assert reply.elapsed.total_seconds() < 1


@pytest.mark.also_engine
@pytest.mark.parametrize("path", ["/api/v1/run", "/api/v2/execute"])
@pytest.mark.attack(
    "request", "clients that hang up while their program runs", "the run ends with them"
)
def test_hanging_up_ends_the_run(
    server: Server, containers: Callable[[], set[str]], path: str
) -> None:
    before = containers()
    body = json.dumps(
        {"filename": "a.sh", "content": "sleep 3"}
        | {"language": "bash", "version": "*", "files": [{"content": "sleep 3"}]}
    ).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert wait_until(lambda: containers() > before, 5)
        time.sleep(0.3)
    assert wait_until(lambda: containers() <= before, 1)
