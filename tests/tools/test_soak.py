"""The soak test's own checks: each wrong answer, or a missing one, is a failure."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bitrun.config.settings import DIALECTS
from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, Result, StageResult, Verdict, outcome_of
from tests.support.server import Server
from tools.conformance.programs import TASKS
from tools.soak import bad_requests, dialects, hang_ups, honest, hostile, page, sandboxes
from tools.soak.clients import ApiClient
from tools.soak.monitor import IDLE_GAUGES, busy_gauges
from tools.soak.results import Attempt, AttemptResult, Rejected, Results, TimedOut, WrongAnswer
from tools.soak.service_log import LoggedRequest
from tools.soak.wire import RawClient


def result_of(
    stdout: bytes, *, code: int = 0, limit: Outcome | None = None, wall_ms: int = 1
) -> Result:
    outcome = limit or outcome_of(code, None, oom_killed=False)
    verdict = Verdict(outcome, code, None, oom_killed=False, wall_ms=wall_ms, cpu_ms=1, memory=1)
    return Result((StageResult("run", verdict, Output([(Stream.STDOUT, stdout)])),))


def raising(error: Exception) -> Attempt:
    def run() -> None:
        raise error

    return Attempt("group", "name", run)


def test_results_are_counted() -> None:
    results = Results()
    results.run(Attempt("group", "name", lambda: None))
    errors = (
        Rejected(),
        TimedOut(),
        WrongAnswer("1 instead of 2"),
        ConnectionResetError("gone"),
    )
    for error in errors:
        results.run(raising(error))
    counts = {
        AttemptResult.PASSED: 1,
        AttemptResult.REJECTED: 1,
        AttemptResult.TIMED_OUT: 1,
        AttemptResult.FAILED: 2,
    }
    assert dict(results.rows("group")) == {"name": Counter(counts)}
    assert results.failures == [
        "group, name: 1 instead of 2",
        "group, name: unreadable answer: ConnectionResetError('gone')",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        result_of(b"Hello"),
        result_of(b"Hello, World!\n", code=1),
        result_of(b"", limit=Outcome.WALL_TIME),
    ],
)
def test_honest_programs_are_checked(wrong: Result) -> None:
    limits = {Outcome.WALL_TIME: 100}
    honest.check(TASKS[0], result_of(b"Hello, World!\n"), limits)
    with pytest.raises(WrongAnswer):
        honest.check(TASKS[0], wrong, limits)
    with pytest.raises(TimedOut):
        honest.check(TASKS[0], result_of(b"", limit=Outcome.WALL_TIME, wall_ms=100), limits)


@pytest.mark.parametrize(
    "wrong",
    [
        result_of(b"no"),
        result_of(b"yes", code=1),
        result_of(b"", limit=Outcome.WALL_TIME, wall_ms=99),
    ],
)
def test_hostile_programs_are_checked(wrong: Result) -> None:
    program = hostile.Program("name", "source", output="yes", wall_ms=100)
    hostile.check(program, result_of(b"yes"))
    with pytest.raises(WrongAnswer):
        hostile.check(program, wrong)
    with pytest.raises(TimedOut):
        hostile.check(program, result_of(b"", limit=Outcome.WALL_TIME, wall_ms=100))


def test_sandboxes_are_checked(share: Callable[..., Server]) -> None:
    (attempt,) = sandboxes.attempts(ApiClient(share().url), set())
    attempt.run()
    (attempt,) = sandboxes.attempts(ApiClient(share(max_sandboxes=0).url), set())
    with pytest.raises(WrongAnswer, match="BITRUN_MAX_SANDBOXES"):
        attempt.run()


def test_dialects_are_checked(share: Callable[..., Server]) -> None:
    server = share(dialects=" ".join(DIALECTS), run_timeout=60_000, run_cpu_time=60_000)
    for attempt in dialects.attempts(ApiClient(server.url)):
        attempt.run()
    # Without a route, and with another answer than the expected one.
    for attempt in dialects.attempts(ApiClient(share(dialects="v1").url)):
        with pytest.raises(WrongAnswer):
            attempt.run()
    for attempt in dialects.attempts(ApiClient(f"{server.url}/docs?")):
        with pytest.raises(WrongAnswer):
            attempt.run()


@pytest.mark.parametrize(("dialect", "count"), [("dify", 2), ("librechat", 2), ("v1", 0)])
def test_those_of_one_dialect(dialect: str, count: int) -> None:
    assert len(dialects.attempts_of(dialect, ApiClient("http://nowhere"))) == count


# A server in place of the service


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[RawClient]:
    """Answer the connections one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with closing(connection):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield RawClient(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_head(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and (piece := connection.recv(4096)):
        received += piece
    return received


def replying(status_line: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(status_line)

    return answer


def reset(connection: socket.socket) -> None:
    connection.recv(1)  # closed with the rest unread


BAD_REQUESTS: dict[Callable[[RawClient], None], bytes] = {
    bad_requests.too_large: b"HTTP/1.1 413 Too Large\r\n\r\n",
    bad_requests.no_http: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    bad_requests.cut_off: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("attempt", BAD_REQUESTS, ids=lambda it: it.__name__)
def test_a_bad_request_needs_the_right_answer(attempt: Callable[[RawClient], None]) -> None:
    with serving(replying(BAD_REQUESTS[attempt])) as raw:
        attempt(raw)
    for wrong in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 500 Oh\r\n\r\n", b""):
        with serving(replying(wrong)) as raw, pytest.raises(WrongAnswer):
            attempt(raw)
    with serving(reset) as raw, pytest.raises(WrongAnswer):
        attempt(raw)
    with serving(replying(b"HTTP/1.1 503 Busy\r\n\r\n")) as raw, pytest.raises(Rejected):
        attempt(raw)


def test_a_header_without_an_end_needs_an_answer() -> None:
    def refuse_early(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 431 Too Large\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass

    with serving(refuse_early) as raw:
        bad_requests.endless_header(raw)
    with serving(reset) as raw, pytest.raises(WrongAnswer):
        bad_requests.endless_header(raw)


# Hang-ups


class FakeEngine:
    """An engine that has only these containers."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[str]:  # noqa: A002
        assert all
        return [each for each in self._ids if each.startswith(filters["id"])]


def engine_with(*containers: str) -> Any:
    return FakeEngine(*containers)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text('{"message": "started"}\nno JSON\n')
    return path


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hang_ups, "_END_SECONDS", 0.3)


def write_record(log: Path, request_id: str, **facts: Any) -> None:
    with log.open("a") as file:
        # A line from the middle of the request, which is not its record.
        file.write(json.dumps({"request_id": request_id, "message": "a warning"}) + "\n")
        file.write(json.dumps({"request_id": request_id} | facts) + "\n")


def test_a_logged_request_is_found(log: Path) -> None:
    request, other = LoggedRequest(log), LoggedRequest(log)
    write_record(log, other.id, status=500)
    with log.open("a") as file:
        file.write(f'{{"request_id": "{request.id}", "sta')
    with pytest.raises(WrongAnswer, match="no record"):
        request.wait(0)
    with log.open("a") as file:
        file.write('tus": 499}\n')
    assert request.wait(0)["status"] == 499
    assert other.wait(0)["status"] == 500


@pytest.mark.parametrize(
    ("facts", "containers"),
    [
        ({"status": 200, "verdict": "ok", "box": "b1"}, ()),
        ({"status": 499, "verdict": "wall_time", "box": "b1"}, ()),
        ({"status": 499, "verdict": "disconnected", "box": "b1"}, ("b1234",)),
        ({"status": 499, "verdict": "disconnected"}, ()),
        (None, ()),
    ],
    ids=["answered", "at its limit", "its box remains", "no box named", "no record"],
)
@pytest.mark.usefixtures("impatient")
def test_a_run_must_end_by_its_client(
    log: Path, facts: dict[str, Any] | None, containers: tuple[str, ...]
) -> None:
    request = LoggedRequest(log)
    if facts:
        write_record(log, request.id, **facts)
    with pytest.raises(WrongAnswer):
        hang_ups.check_end(
            request, engine_with(*containers), status=499, verdicts=("disconnected", None)
        )


@pytest.mark.parametrize(
    "facts", [{"status": 499, "verdict": "disconnected", "box": "b1"}, {"status": 499}]
)
@pytest.mark.usefixtures("impatient")
def test_a_run_that_ended_by_its_client(log: Path, facts: dict[str, Any]) -> None:
    request = LoggedRequest(log)
    write_record(log, request.id, **facts)
    hang_ups.check_end(request, engine_with("other"), status=499, verdicts=("disconnected", None))


@pytest.mark.parametrize(
    ("attempt", "right"), [(hang_ups.in_body, 400), (hang_ups.in_run, 499)], ids=["body", "run"]
)
@pytest.mark.usefixtures("impatient")
def test_hang_ups_are_looked_up(
    log: Path, attempt: Callable[[RawClient, Path, Any], None], right: int
) -> None:

    def service(status: int) -> Callable[[socket.socket], None]:
        def answer(connection: socket.socket) -> None:
            head = read_head(connection)
            request_id = head.partition(b"X-Request-Id: ")[2].partition(b"\r\n")[0].decode()
            while connection.recv(4096):
                pass
            write_record(log, request_id, status=status)

        return answer

    with serving(service(right)) as raw:
        attempt(raw, log, engine_with())
    with serving(service(200)) as raw, pytest.raises(WrongAnswer, match="200"):
        attempt(raw, log, engine_with())


@pytest.mark.parametrize(
    ("status_line", "error"),
    [(b"HTTP/1.1 200 OK\r\n", WrongAnswer), (b"HTTP/1.1 503 Busy\r\n", Rejected)],
)
def test_a_running_program_has_no_answer_yet(
    log: Path, status_line: bytes, error: type[Exception]
) -> None:
    with serving(replying(status_line)) as raw, pytest.raises(error):
        hang_ups.in_run(raw, log, engine_with())


def test_an_idle_service_has_no_runs() -> None:
    idle = dict.fromkeys(IDLE_GAUGES, 0.0)
    assert busy_gauges(idle) == []
    assert busy_gauges(idle | {IDLE_GAUGES[0]: 1.0}) == [f"{IDLE_GAUGES[0]} is 1.0 without load"]
    del idle[IDLE_GAUGES[1]]
    assert busy_gauges(idle) == [f"{IDLE_GAUGES[1]} is None without load"]


def test_the_page_shows_failures(tmp_path: Path) -> None:
    results = Results()
    results.run(raising(WrongAnswer("1 instead of 2")))
    path = tmp_path / "soak.md"
    page.write(path, results, [], minutes=60, machine="one", clients=20, places=16)
    text = path.read_text()
    assert "1 attempts: 0 passed, 0 timed out, 0 rejected, **1 failed**" in text
    assert "- group, name: 1 instead of 2" in text
