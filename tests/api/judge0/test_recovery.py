"""What was accepted is answered, once, whatever becomes of the service; and callbacks."""

import base64
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bitrun.api.judge0.submission import Submission, pack
from bitrun.config.settings import Settings
from bitrun.execution.work_queue import MAX_ATTEMPTS
from bitrun.store.opening import open_store
from bitrun.store.store import Record
from tests.support.judge0 import call, problems, token_of
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.waiting import wait_until

BASH = 46
COUNT = 200
BATCH = 20

Serve = Callable[..., Server]


class Receiver:
    """Receives callbacks, and counts them by token."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.bodies: list[dict[str, object]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.received[body["token"]] += 1
                receiver.bodies.append(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def kill(server: Server) -> None:
    """Kill the service with all of its processes, without a word."""
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(10)


def waiting(server: Server) -> int:
    [worker] = call(server, "GET", "/workers").json()
    return int(worker["size"]) + int(worker["working"])


@pytest.mark.attack(
    "fault",
    "the service is killed with 200 submissions in its queue",
    "started again, it answers each of them once",
)
def test_killed_with_200_in_the_queue(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    kill_with_200(serve, receiver, tmp_path / "store" / "store.db")


@pytest.mark.chaos
@pytest.mark.engine
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_killed_with_200_in_the_queue_on_a_real_engine(
    serve: Serve, receiver: Receiver, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    store: Path | str = tmp_path / "store" / "store.db"
    if kind == "redis":
        redis = Redis(tmp_path)
        request.addfinalizer(redis.stop)
        store = redis.url
    kill_with_200(serve, receiver, store)


def kill_with_200(serve: Serve, receiver: Receiver, store: Path | str) -> None:
    settings = {
        "dialects": "judge0", "store": store, "callback_networks": "127.0.0.0/8",
        "run_timeout": 30_000,
    }  # fmt: skip
    server = serve(**settings)
    tokens = []
    for start in range(0, COUNT, BATCH):
        sent = [
            {
                "language_id": BASH,
                "source_code": f"sleep 0.1; echo {number}",
                "expected_output": str(number),
                "callback_url": receiver.url,
            }
            for number in range(start, start + BATCH)
        ]
        answers = call(server, "POST", "/submissions/batch", json={"submissions": sent}).json()
        tokens += [answer["token"] for answer in answers]
    assert waiting(server) > COUNT // 4
    kill(server)
    done_before = len(receiver.received)
    assert done_before < COUNT * 3 // 4

    server = serve(**settings)
    assert wait_until(lambda: len(receiver.received) == COUNT, 300), len(receiver.received)
    assert wait_until(lambda: not waiting(server), 20)
    for start in range(0, COUNT, BATCH):
        some = ",".join(tokens[start : start + BATCH])
        path = f"/submissions/batch?tokens={some}&fields=status_id,stdout"
        found = call(server, "GET", path).json()["submissions"]
        expected = [{"status_id": 3, "stdout": f"{n}\n"} for n in range(start, start + BATCH)]
        assert found == expected
    assert receiver.received.keys() == set(tokens)
    # At least once; twice only for the few whose callback the kill has cut off.
    assert sum(receiver.received.values()) <= COUNT + 8


@pytest.mark.engine
def test_what_a_stopped_service_was_doing_is_no_attempt(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "store" / "store.db"
    settings = {"dialects": "judge0", "store": str(path), "run_timeout": 60_000}
    server = serve(**settings)
    token = token_of(server, source_code="sleep 50", language_id=BASH)
    assert wait_until(lambda: call(server, "GET", "/workers").json()[0]["working"] == 1, 20)
    server.stop()
    store = open_store(Settings(store=str(path)))
    record = store.take("judge0")
    assert record is not None
    assert (record.key, record.attempt) == (token, 1)
    store.close()


def test_a_submission_that_kills_the_service_fails_at_last(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "store" / "store.db"
    store = open_store(Settings(store=str(path)))
    content = pack(Submission(BASH, b"echo"))
    store.add([Record("judge0", "token", "127.0.0.1", content, time.time() + 60, queue="judge0")])
    for _ in range(MAX_ATTEMPTS):  # each as by a service that has ended soon after
        assert store.take("judge0", seconds=0.01) is not None
        time.sleep(0.05)
    store.close()
    server = serve(dialects="judge0", store=str(path))
    assert wait_until(lambda: not waiting(server), 20)
    reply = call(server, "GET", "/submissions/token").json()
    assert reply["status"]["id"] == 13
    assert "tried to judge this several times" in reply["message"]


def test_workers_share_the_queue(serve: Serve, receiver: Receiver) -> None:
    server = serve(dialects="judge0", workers=2, callback_networks="127.0.0.0/8")
    body = {"language_id": BASH, "source_code": "echo", "callback_url": receiver.url}
    for _ in range(2):
        sent = {"submissions": [body] * BATCH}
        assert call(server, "POST", "/submissions/batch", json=sent).status_code == 201
    waited = [call(server, "POST", "/submissions?wait=true", json=body) for _ in range(3)]
    assert [each.json()["status"]["id"] for each in waited] == [3] * 3
    assert wait_until(lambda: len(receiver.received) == 2 * BATCH + 3, 30)
    assert set(receiver.received.values()) == {1}


@pytest.mark.attack(
    "fault",
    "the Redis of the store is killed, and comes back",
    "submissions are refused with 507, then accepted again",
)
def test_a_redis_that_goes_and_comes(serve: Serve, tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    server = serve(dialects="judge0", store=redis.url)
    body = {"language_id": BASH, "source_code": "echo Hi"}
    path = "/submissions?wait=true"
    assert call(server, "POST", path, json=body).json()["stdout"] == "Hi\n"
    redis.stop()
    response = call(server, "POST", path, json=body)
    assert response.status_code == 507
    assert response.json() == {"error": "Nothing can be stored now; the service's log says more"}
    assert call(server, "GET", "/submissions/none").status_code == 507
    assert server.get("/metrics").status_code == 200
    redis.start()
    try:
        assert call(server, "POST", path, json=body).json()["stdout"] == "Hi\n"
    finally:
        redis.stop()


def test_a_callback_has_the_default_fields_in_base64(serve: Serve, receiver: Receiver) -> None:
    server = serve(dialects="judge0", callback_networks="127.0.0.0/8")
    token = token_of(
        server, source_code="echo Hi", language_id=BASH, callback_url=f"{receiver.url}x?y"
    )
    assert wait_until(lambda: receiver.bodies, 20)
    [body] = receiver.bodies
    assert base64.b64decode(str(body["stdout"])) == b"Hi\n"
    assert body.keys() == {
        "stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status",
    }  # fmt: skip
    assert (body["token"], body["status"]) == (token, {"id": 3, "description": "Accepted"})


@pytest.mark.attack("request", "a callback of a submission to the inside", "refused with 422")
def test_a_callback_to_the_inside_is_refused(serve: Serve) -> None:
    server = serve(dialects="judge0")
    for url in ("http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data"):
        [sentence] = problems(server, source_code="x", language_id=BASH, callback_url=url)[
            "callback_url"
        ]
        assert "not on the Internet" in sentence
