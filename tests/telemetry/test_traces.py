"""Spans, as a collector of OpenTelemetry gets them."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from bitrun.telemetry.traces import Span, Traces
from tests.support.server import Server
from tests.support.waiting import read_stderr_until, wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PROGRAM = "echo confidential"


class Collector(ThreadingHTTPServer):
    """A collector that answers with `status`, and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for body in list(self.bodies)
            for resource in json.loads(body)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [span for span in self.spans if span["name"] == name]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def attributes(span: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a span; the protocol has whole numbers as text."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def run(server: Server, **headers: str) -> requests.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"language": "bash", "version": "*", "files": [{"content": PROGRAM}]}
    return requests.post(f"{server.url}/api/v2/execute", json=body, headers=given, timeout=60)


def test_a_run_is_a_tree_of_spans(serve: Callable[..., Server], collector: Collector) -> None:
    server = serve(traces=collector.url)
    traceparent = f"00-{TRACE}-{PARENT}-01"
    assert run(server, traceparent=traceparent, X_Request_Id="mine").status_code == 200
    assert wait_until(lambda: collector.named("POST /api/v2/execute"), 20)
    (request,), (ran,) = collector.named("POST /api/v2/execute"), collector.named("run bash")
    assert (request["traceId"], request["parentSpanId"], request["kind"]) == (TRACE, PARENT, 2)
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/api/v2/execute",
        "http.response.status_code": "200",
        "bitrun.request_id": "mine",
    }
    assert (ran["traceId"], ran["parentSpanId"]) == (TRACE, request["spanId"])
    assert attributes(ran)["bitrun.verdict"] == "ok"
    at = int(ran["startTimeUnixNano"])
    for phase in ("queue", "box", "run"):
        (span,) = collector.named(phase)
        assert (span["traceId"], span["parentSpanId"]) == (TRACE, ran["spanId"])
        assert int(span["startTimeUnixNano"]) == at
        at = int(span["endTimeUnixNano"])
    assert int(request["startTimeUnixNano"]) <= int(ran["startTimeUnixNano"])
    assert int(ran["endTimeUnixNano"]) <= int(request["endTimeUnixNano"])
    assert b"confidential" not in b"".join(collector.bodies)


def test_who_wants_no_trace_gets_none(serve: Callable[..., Server], collector: Collector) -> None:
    server = serve(traces=collector.url)
    assert server.get("/healthz").status_code == 200
    assert run(server, traceparent=f"00-{TRACE}-{PARENT}-00").status_code == 200
    assert run(server).status_code == 200
    assert wait_until(lambda: collector.named("POST /api/v2/execute"), 20)
    (request,) = collector.named("POST /api/v2/execute")
    assert request["traceId"] != TRACE
    assert request["parentSpanId"] == ""
    assert {span["traceId"] for span in collector.spans} == {request["traceId"]}


def test_spans_are_sent_before_the_end(collector: Collector) -> None:
    traces = Traces(collector.url)
    for _ in range(1000):  # more than one batch
        traces.end_request(Span(TRACE, PARENT, 1), "GET", "/", 200, "x")
    traces.close()
    assert len(collector.named("GET /")) == 1000


def test_a_collector_that_is_away_stops_nothing(
    serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(traces="http://127.0.0.1:1/v1/traces")
    assert run(server).status_code == 200
    read_stderr_until(capfd, "The collector of BITRUN_TRACES does not take spans", 20)


def test_an_outage_is_reported_once(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    traces = Traces(collector.url)

    def send(status: int) -> None:
        collector.status = status
        before = len(collector.bodies)
        traces.end_request(Span(TRACE, "", 1), "GET", "/", 200, "x")
        assert wait_until(lambda: len(collector.bodies) > before, 20)

    for status in (503, 503, 200, 503):
        send(status)
    traces.close()
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == (
        ["it answers 503"] * 2
    )


@pytest.mark.parametrize(
    "header",
    [
        "", "x", f"00-{TRACE}-{PARENT}", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{PARENT}-01",
    ],
)  # fmt: skip
def test_an_invalid_header_begins_a_new_trace(header: str) -> None:
    span = Traces.begin_request(header)
    assert span is not None
    assert span.trace != TRACE
    assert span.parent == ""
    assert len(span.trace) == 32


def test_a_later_version_of_the_header_is_understood() -> None:
    span = Traces.begin_request(f"01-{TRACE}-{PARENT}-01-more")
    assert span is not None
    assert (span.trace, span.parent) == (TRACE, PARENT)
