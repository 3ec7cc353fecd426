"""Request ids, the log line of each request, and the metrics of requests."""

import logging
import re
import secrets
import time
from http import HTTPStatus

from flask import Flask, Response, g, request

from bitrun.api.http.connection import address
from bitrun.model.run_record import MILLISECONDS
from bitrun.service.service import Service
from bitrun.telemetry import log, request_context, traces
from bitrun.telemetry.traces import Traces

HEADER = "X-Request-Id"

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:+/=@-]{1,64}")
_MAX_PATH = 200
_PROBES = ("/healthz", "/readyz", "/metrics")  # every few seconds: not worth a line each

_log = logging.getLogger(__name__)


def register(app: Flask, service: Service) -> None:
    """Log and count every request of an application; register it before anything else."""
    proxies = service.settings.trusted_proxies

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        given = request.headers.get(HEADER, "")
        identity = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16)
        traced = service.traces is not None and request.path not in _PROBES
        traceparent = request.headers.get(traces.HEADER, "")
        request_context.begin(identity, Traces.begin_request(traceparent) if traced else None)

    @app.after_request
    def answer(response: Response) -> Response:
        response.headers[HEADER] = request_context.request_id() or ""
        method, status, began = request.method, response.status_code, g.began
        route = request.url_rule.rule if request.url_rule else "none"
        fields = {
            "method": method,
            # Without the query string, which in v1 may contain programs and tokens.
            "path": request.path[:_MAX_PATH],
            "status": status,
            "client": address(request, proxies),
            # The length of a stream is known only after it was collected as a whole.
            "bytes": response.calculate_content_length() if response.is_sequence else None,
        }

        @response.call_on_close  # all of it has been sent by then, and Flask has left the request
        def close() -> None:
            seconds = time.perf_counter() - began
            service.metrics.record_request(method, route, status, seconds)
            span, identity = request_context.span(), request_context.request_id() or ""
            if service.traces is not None and span is not None:
                service.traces.end_request(span, method, route, status, identity)
            _write(fields | {"ms": round(seconds * MILLISECONDS, 2)} | request_context.fields())
            request_context.end()

        return response


def _write(fields: dict[str, object]) -> None:
    quiet = fields["path"] in _PROBES and fields["status"] == HTTPStatus.OK
    _log.log(
        logging.DEBUG if quiet else logging.INFO,
        "%s %s %s", fields["method"], fields["path"], fields["status"],
        extra={log.FIELDS: fields},
    )  # fmt: skip
