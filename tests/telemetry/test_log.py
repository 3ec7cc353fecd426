"""The log: one JSON object a line, the request's id in it, and nothing of what was run."""

import base64
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
import requests
from websockets.sync.client import connect

from bitrun.engine.labels import REQUEST
from bitrun.telemetry import log, request_context
from tests.support.piston import request
from tests.support.server import Server
from tests.support.terminal import Terminal, shown
from tests.support.waiting import read_stderr_until, wait_until

SECRET = "xyzzy-plugh-plover-fee"


class Log:
    """What services of this test have written to stderr so far."""

    @property
    def text(self) -> str:
        # Not by capfd's own call, which loses what a service writes while it reads.
        return Path("/proc/self/fd/2").read_text()

    def lines(self) -> list[dict[str, Any]]:
        whole, _, _ = self.text.rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Wait for the line of a request, and return all that carry its id."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines() if line.get("request_id") == request_id]

        assert wait_until(lambda: any("status" in line for line in found()), 5), self.text
        return found()


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Log:
    return Log()


@pytest.mark.also_engine
def test_a_run_leaves_one_line(serve: Callable[..., Server], logged: Log) -> None:
    server = serve(pool_size=2)
    response = requests.post(
        f"{server.url}/api/v1/run",
        data={"filename": "a.sh", "content": "exit 3"},
        headers={"X-Request-Id": "order-7"},
        timeout=20,
    )
    assert response.headers["X-Request-Id"] == "order-7"
    (line,) = logged.of("order-7")
    known = {
        "level": "info", "logger": "bitrun.api.http.request_log", "message": "POST /api/v1/run 200",
        "method": "POST", "path": "/api/v1/run", "status": 200, "client": "127.0.0.1", "bytes": 0,
        "language": "bash", "package": "bash", "verdict": "exit", "stage": "run",
    }  # fmt: skip
    assert known.items() <= line.items()
    assert line["pool"] in ("hit", "miss")
    assert len(line["box"]) == 12
    assert 0 < line["wall_ms"] <= line["run_ms"] <= line["ms"]
    assert line["queue_ms"] + line["box_ms"] + line["run_ms"] <= line["ms"] + 0.1
    assert line["cpu_ms"] > 0
    assert line["memory"] > 100_000
    assert line["version"].startswith("5.")
    stamp = time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.time() - time.mktime((*stamp[:8], 0)) + time.timezone) < 60
    # gunicorn's own lines, as all others
    assert any(line["logger"] == "gunicorn.error" for line in logged.lines())


@pytest.mark.also_engine
def test_nothing_of_a_program_is_logged(serve: Callable[..., Server], logged: Log) -> None:
    server = serve(log_level="debug", api_tokens=SECRET)
    bearer = {"Authorization": f"Bearer {SECRET}"}
    program = f"echo {SECRET}; cat; echo $*; exit 1"
    fields = {"filename": "a.sh", "content": program, "input": SECRET, "env": f"A={SECRET}"}
    fields |= {"api_token": SECRET}
    for how in ("data", "params", "json"):
        options: dict[str, Any] = {how: fields}
        response = requests.post(f"{server.url}/api/v1/run", timeout=20, **options)
        assert response.status_code == 200
        assert SECRET in response.text
    body = request("bash", program, stdin=SECRET, args=[SECRET])
    response = requests.post(f"{server.url}/api/v2/execute", json=body, headers=bearer, timeout=20)
    assert SECRET in response.json()["run"]["stdout"]
    refused = requests.post(
        f"{server.url}/api/v1/run", data=fields | {"command": "\0" + SECRET}, timeout=20
    )
    assert refused.status_code == 400
    with Terminal(server, additional_headers=bearer) as terminal:
        terminal.send(type="init", **body)
        assert SECRET in shown(terminal.rest())
    logged.of(response.headers["X-Request-Id"])
    assert len([line for line in logged.lines() if "verdict" in line]) >= 5
    for hidden in (SECRET, base64.b64encode(SECRET.encode()).decode()):
        assert hidden not in logged.text


def test_ids_are_made_and_checked(server: Server) -> None:
    def given(**headers: str) -> str:
        return server.get("/healthz", headers=headers).headers["X-Request-Id"]

    assert given(**{"X-Request-Id": "a.B-9_:+/=@"}) == "a.B-9_:+/=@"
    made = [given(), given()]
    made += [given(**{"X-Request-Id": bad}) for bad in ("", "a b", "x" * 65, '"', "é", "a\tb")]
    assert len(set(made)) == len(made)
    assert all(len(each) == 32 and int(each, 16) for each in made)
    for path in ("/nowhere", "/api/v1/run", "/api/v2/execute", "/api/v2/connect"):
        response = server.get(path, headers={"X-Request-Id": "always"})
        assert response.status_code >= 400
        assert response.headers["X-Request-Id"] == "always"


def test_a_session_leaves_one_line(serve: Callable[..., Server], logged: Log) -> None:
    server = serve()
    with connect(
        f"ws{server.url.removeprefix('http')}/api/v2/connect",
        additional_headers={"X-Request-Id": "session-1"},
    ) as websocket:
        assert websocket.response is not None
        assert websocket.response.headers["X-Request-Id"] == "session-1"
        websocket.send(json.dumps({"type": "init"} | request("bash", "exit 4")))
        for _ in range(3):
            websocket.recv(20)
    (line,) = logged.of("session-1")
    assert line["status"] == 101
    assert line["verdict"] == "exit"
    assert line["path"] == "/api/v2/connect"


@pytest.mark.engine
def test_a_box_made_for_a_request_carries_its_id(
    serve: Callable[..., Server], logged: Log, docker_client: docker.APIClient
) -> None:
    server = serve()

    def labels() -> list[str]:
        found = docker_client.containers(filters={"label": f"{REQUEST}=labelled-1"})
        return [container["Id"] for container in found]

    thread = threading.Thread(
        target=requests.post,
        args=(f"{server.url}/api/v1/run",),
        kwargs={
            "data": {"filename": "a.sh", "content": "sleep 1"},
            "headers": {"X-Request-Id": "labelled-1"},
            "timeout": 20,
        },
    )
    thread.start()
    assert wait_until(labels, 10)
    (container,) = labels()
    thread.join()
    (line,) = logged.of("labelled-1")
    assert line["box"] == container[:12]
    assert line["pool"] == "miss"


def test_a_fault_of_ours_says_which_request(
    serve_without_engine: Callable[..., Server], logged: Log
) -> None:
    server = serve_without_engine()
    response = server.run(filename="a.sh", content="true")
    assert response.status_code == 503
    error, access = logged.of(response.headers["X-Request-Id"])
    assert (error["level"], access["status"]) == ("error", 503)
    assert "does not answer" in error["message"]
    assert "traceback" not in error


def test_probes_are_quiet_while_all_is_well(serve: Callable[..., Server], logged: Log) -> None:
    server = serve()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert server.get(path).status_code == 200
    for path, status in (("/metrics", 403), ("/nowhere", 404)):
        answer = server.get(path, headers={"Via": "x"})
        assert answer.status_code == status
        logged.of(answer.headers["X-Request-Id"])  # a line comes after its answer was sent
    paths = [(line["path"], line["status"]) for line in logged.lines() if "path" in line]
    assert paths == [("/metrics", 403), ("/nowhere", 404)]


def test_text_for_people(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    server = serve(log_format="text")
    server.run(filename="a.sh", content="true")
    text = read_stderr_until(capfd, "POST /api/v1/run 200 request_id=", 5)
    assert " verdict=ok " in text
    assert "{" not in text


# Without a service


def formatted(formatter: logging.Formatter, message: str, **extra: Any) -> str:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": message} | extra)
    return formatter.format(record)


@pytest.mark.parametrize("message", ["two\nlines", "\x1b[31m", "\u2028", "\ud800", '"}'])
def test_every_record_is_one_line(message: str) -> None:
    line = formatted(log.JsonFormatter(), message, fields={"path": message})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == json.loads(line)["path"] == message


def test_a_traceback_is_one_field() -> None:
    try:
        int("why")
    except ValueError:
        line = formatted(log.JsonFormatter(), "failed", exc_info=sys.exc_info())
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("'why'")


def test_text_quotes_what_would_mislead() -> None:
    line = formatted(log.TextFormatter(), "m\n\x1b", fields={"path": "/a b\n", "status": 200})
    assert line.endswith('m\\n\\x1b path="/a b\\n" status=200')


def test_notes_belong_to_one_request() -> None:
    request_context.note(lost=1)
    assert request_context.fields() == {}
    request_context.begin("one")
    request_context.note(a=1)
    request_context.begin("two")
    assert (request_context.request_id(), request_context.fields()) == ("two", {})
    request_context.end()
    assert request_context.request_id() is None
