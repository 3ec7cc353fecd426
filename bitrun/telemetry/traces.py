"""Traces for OpenTelemetry: a span for each request, and below it its runs and their phases.

Sent as OTLP in JSON, by a thread of its own: no request waits for the collector. The protocol is a
POST, so that no image needs OpenTelemetry's libraries for it.

    https://opentelemetry.io/docs/specs/otlp/#otlphttp
    https://www.w3.org/TR/trace-context/#traceparent-header
"""

import http.client
import json
import logging
import queue
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from bitrun import __version__
from bitrun.model.run_record import RunRecord

HEADER = "traceparent"

Attributes = dict[str, str | int]

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01
_SERVER, _INTERNAL = 2, 1  # kinds of spans
_ERROR = 2  # the status code

_MAX_WAITING, _MAX_BATCH = 4096, 512  # spans
_PAUSE_SECONDS = 1.0  # so that a busy service sends many at once
_TIMEOUT_SECONDS = 5.0
_NANOSECONDS = 1_000_000_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Span:
    """A piece of work; times are nanoseconds of Unix time, ids hexadecimal."""

    trace: str
    parent: str
    begins: int
    kind: int = _INTERNAL
    name: str = ""
    ends: int = 0
    failed: bool = False
    attributes: Attributes = field(default_factory=dict)
    identity: str = field(default_factory=lambda: secrets.token_hex(8))

    def encoded(self) -> dict[str, object]:
        """Return it as OTLP has it."""
        return {
            "traceId": self.trace,
            "spanId": self.identity,
            "parentSpanId": self.parent,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": str(self.begins),
            "endTimeUnixNano": str(self.ends),
            "attributes": _encoded(self.attributes),
            "status": {"code": _ERROR} if self.failed else {},
        }


class Traces:
    """The spans of one service, on their way to a collector. Threads share it."""

    def __init__(self, url: str) -> None:
        """Take the URL of a collector, such as `http://HOST:4318/v1/traces`."""
        self._url = urlsplit(url)
        self._waiting: queue.Queue[Span | None] = queue.Queue(_MAX_WAITING)
        self._is_silent = False  # whether the collector did not take the last spans
        self._thread = threading.Thread(target=self._send_all, name="traces", daemon=True)
        self._thread.start()

    @staticmethod
    def begin_request(traceparent: str) -> Span | None:
        """Begin the span of a request, in the trace of its client if it has one.

        None if the client does not want this trace to be recorded.
        """
        trace, parent, flags = secrets.token_hex(16), "", _SAMPLED
        if (found := _TRACEPARENT.fullmatch(traceparent)) is not None:
            given = found[1], found[2]
            if all(identity.strip("0") for identity in given):
                (trace, parent), flags = given, int(found[3], 16)
        return Span(trace, parent, time.time_ns(), _SERVER) if flags & _SAMPLED else None

    def end_request(self, span: Span, method: str, route: str, status: int, identity: str) -> None:
        span.name = f"{method} {route}"
        span.failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        span.attributes = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "bitrun.request_id": identity,
        }
        self._end(span, time.time_ns())

    def record_run(self, record: RunRecord, request: Span) -> None:
        """Add a run that has just ended, and its phases, to the span of its request."""
        job, now, phases = record.job, time.time_ns(), record.phases()
        begins = now - round(sum(phases.values()) * _NANOSECONDS)
        run = Span(request.trace, request.identity, begins, name=f"run {job.language}")
        run.attributes = {
            "bitrun.language": job.language,
            "bitrun.version": job.version,
            "bitrun.verdict": str(record.outcome),
        }
        if record.pool is not None:
            run.attributes["bitrun.pool"] = record.pool
        for phase, seconds in phases.items():
            span = Span(run.trace, run.identity, begins, name=phase)
            begins += round(seconds * _NANOSECONDS)
            self._end(span, begins)
        self._end(run, now)

    def close(self) -> None:
        """Send what waits, for a few seconds."""
        try:
            self._waiting.put(None, timeout=_TIMEOUT_SECONDS)
        except queue.Full:
            return
        self._thread.join(_TIMEOUT_SECONDS)

    def _end(self, span: Span, ends: int) -> None:
        span.ends = ends
        try:
            self._waiting.put_nowait(span)
        except queue.Full:
            self._report("more spans end than it takes")

    def _send_all(self) -> None:
        is_over = False
        while not is_over:
            batch = [self._waiting.get()]
            if batch[0] is not None:
                time.sleep(_PAUSE_SECONDS)
            batch += self._take()
            is_over = None in batch
            if spans := [span for span in batch if span is not None]:
                self._send(spans)

    def _take(self) -> Iterator[Span | None]:
        """Give what waits now, at most a batch."""
        for _ in range(_MAX_BATCH - 1):
            try:
                yield self._waiting.get_nowait()
            except queue.Empty:
                return

    def _send(self, spans: list[Span]) -> None:
        body = json.dumps(_request(spans)).encode()
        secure = self._url.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(
                "POST", self._url.path or "/", body, {"Content-Type": "application/json"}
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            self._report(str(error))
        else:
            if status != HTTPStatus.OK:
                self._report(f"it answers {status}")
            else:
                self._is_silent = False
        finally:
            connection.close()

    def _report(self, reason: str) -> None:
        """Log that spans are lost, once until the collector takes some again."""
        if not self._is_silent:
            self._is_silent = True
            _log.warning("The collector of BITRUN_TRACES does not take spans: %s", reason)


def _request(spans: list[Span]) -> dict[str, object]:
    resource: Attributes = {"service.name": "bitrun", "service.version": __version__}
    scope = {"scope": {"name": "bitrun"}, "spans": [span.encoded() for span in spans]}
    return {
        "resourceSpans": [{"resource": {"attributes": _encoded(resource)}, "scopeSpans": [scope]}]
    }


def _encoded(attributes: Mapping[str, str | int]) -> list[dict[str, object]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in attributes.items()
    ]
