"""The log line of a request, and the request's id."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bitrun.api.app import create_app
from bitrun.config.settings import Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from bitrun.telemetry import log
from tests.support.fake_images import NoBoxes, engine_with_packages
from tests.support.tokens import RUN

LOGGER = "bitrun.api.http.request_log"
AUTHORIZED = {"Authorization": f"Bearer {RUN}"}


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    settings = Settings(api_tokens=(RUN,))
    service = Service(configuration.read(settings), engine_with_packages(NoBoxes()))
    yield create_app(service).test_client()
    service.close()


@dataclass
class Answered:
    response: TestResponse
    level: str
    fields: dict[str, Any]


Send = Callable[..., Answered]


@pytest.fixture
def send(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> Send:
    """Send a request; return its answer, and the level and the fields of its one line."""
    caplog.set_level(logging.DEBUG, LOGGER)

    def send(method: str, path: str, **options: Any) -> Answered:
        caplog.clear()
        # Buffered, an answer is closed at once, which is when its line is written.
        response = client.open(path, method=method, buffered=True, **options)
        (line,) = [record for record in caplog.records if record.name == LOGGER]
        return Answered(response, line.levelname, getattr(line, log.FIELDS))

    return send


def test_an_answer_without_an_error(send: Send) -> None:
    answered = send("GET", "/api/v2/runtimes?token=secret")
    found = answered.fields
    assert found.pop("ms") >= 0
    assert found.pop("bytes") == len(answered.response.data)
    assert str(found.pop("client")) == "127.0.0.1"
    assert found == {"method": "GET", "path": "/api/v2/runtimes", "status": 200}


@pytest.mark.parametrize(
    ("method", "path", "options", "expected"),
    [
        ("GET", "/nothing", {}, (404, "not_found")),
        ("PUT", "/api/v1/run", {}, (405, "method_not_allowed")),
        ("POST", "/api/v1/run", {"data": {"filename": "a"}}, (400, "token_required")),
        ("POST", "/api/v1/run", {"data": {"api_token": RUN}}, (400, "bad_request")),
        ("POST", "/api/v2/execute", {"json": {}}, (401, "token_required")),
        ("POST", "/api/v2/execute", {"data": "x"}, (415, "unsupported_media_type")),
        ("POST", "/api/v2/execute", {"json": {}, "headers": AUTHORIZED}, (400, "bad_request")),
        ("POST", "/api/v2/packages", {"json": {}, "headers": AUTHORIZED},
         (403, "permission_denied")),
        ("GET", "/api/v2/connect", {}, (426, "upgrade_required")),
    ],
)  # fmt: skip
def test_the_code_of_an_error(
    send: Send, method: str, path: str, options: dict[str, Any], expected: tuple[int, str]
) -> None:
    answered = send(method, path, **options)
    assert answered.response.status_code == expected[0]
    assert (answered.fields["status"], answered.fields["error"]) == expected


def test_the_code_of_an_agent_s_run(send: Send) -> None:
    """The status of the answer is 200, since the protocol carries errors in results."""
    call = {"name": "run_code", "arguments": {"language": "klingon", "code": "x"}}
    answered = send(
        "POST",
        "/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers=AUTHORIZED | {"Accept": "application/json, text/event-stream"},
    )
    assert answered.response.status_code == 200
    assert "No language is called klingon" in json.dumps(answered.response.json)
    assert answered.fields["error"] == "bad_request"


@pytest.mark.parametrize("given", ["a" * 64, "order-7", "A.b_c:d+e/f=g@h"])
def test_an_id_of_the_client(send: Send, given: str) -> None:
    response = send("GET", "/api/v2/runtimes", headers={"X-Request-Id": given}).response
    assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "ä", "a\t", '"'])
def test_an_id_that_is_replaced(send: Send, given: str) -> None:
    response = send("GET", "/api/v2/runtimes", headers={"X-Request-Id": given}).response
    found = response.headers["X-Request-Id"]
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")


@pytest.mark.parametrize(("path", "level"), [("/healthz", "DEBUG"), ("/api/v2/runtimes", "INFO")])
def test_probes_are_quiet(send: Send, path: str, level: str) -> None:
    assert send("GET", path).level == level


def test_a_path_is_cut(send: Send) -> None:
    assert len(send("GET", f"/{'a' * 300}").fields["path"]) == 200
