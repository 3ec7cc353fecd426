"""The error table, which maps exceptions to a status, a code and a sentence.

Flask's error handler, gunicorn's worker, sessions, build streams, the OpenAPI document and the
request log use it. A dialect may put rows of its own before it (`Dialect.errors`).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)

from bitrun.model.errors import (
    AlreadyInstalled,
    BodyTooLarge,
    BoxEnded,
    BoxUnresponsive,
    BuildError,
    Busy,
    ClientDisconnected,
    CommandEnded,
    CommandInterrupted,
    CommandNotFound,
    CrossOriginRequest,
    EgressDenied,
    EgressUnavailable,
    EngineError,
    EngineUnavailable,
    HostNotAllowed,
    KernelBusy,
    KernelConnectionEnded,
    KernelNotFound,
    KernelNotRunning,
    LimitsUnavailable,
    MetricsNotAllowed,
    NodeUnavailable,
    PackageArriving,
    PackageNotFound,
    PackageNotInstalled,
    PermissionDenied,
    QueueFull,
    RequestError,
    SandboxBusy,
    SandboxEnded,
    SandboxFileNotFound,
    SandboxNotFound,
    ServiceError,
    StorageError,
    StoreFull,
    TokenRequired,
    TooManyCommands,
    TooManyKernels,
    TooManyRequests,
    TooManySandboxes,
    UploadNotFound,
    UploadsFull,
    UploadTooLarge,
)
from bitrun.telemetry import request_context

_log = logging.getLogger(__name__)


class UpgradeRequired(HTTPException):
    """A plain request where only a WebSocket can be served."""

    code = 426


def _no_headers(_: Any) -> Mapping[str, str]:
    return {}


def _no_fields(_: Any) -> Mapping[str, Any]:
    return {}


def retry_when_allowed(error: TooManyRequests) -> Mapping[str, str]:
    """Return the header that says when a client over its limits may try again."""
    return {"Retry-After": str(error.seconds)}


def _retry_after(seconds: int) -> Callable[[Any], Mapping[str, str]]:
    return lambda _: {"Retry-After": str(seconds)}


def _allowed_methods(error: MethodNotAllowed) -> Mapping[str, str]:
    return {"Allow": ", ".join(sorted(error.valid_methods))} if error.valid_methods else {}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The answer to one class of exceptions.

    `code` is a stable word, the field `error` of the request's log line. `sentence` is the text for
    the client; None takes the exception's own, which is written for the client. `headers` makes
    additional headers, and `fields` additional fields of the body.
    """

    error: type[Exception]
    status: int
    code: str
    sentence: str | None = None
    headers: Callable[[Any], Mapping[str, str]] = _no_headers
    fields: Callable[[Any], Mapping[str, Any]] = _no_fields

    @property
    def is_expected(self) -> bool:
        """Whether the exception says nothing about the health of the service."""
        return issubclass(self.error, (RequestError, Busy, HTTPException, ParseException))

    def text(self, error: Exception) -> str:
        """Return the text for the client."""
        return self.sentence or str(error)


# The first row whose class matches counts.
TABLE: tuple[ErrorRow, ...] = (
    ErrorRow(
        TokenRequired, 401, "token_required", headers=lambda _: {"WWW-Authenticate": "Bearer"}
    ),
    ErrorRow(PermissionDenied, 403, "permission_denied"),
    ErrorRow(EgressDenied, 403, "egress_denied"),
    ErrorRow(MetricsNotAllowed, 403, "metrics_not_allowed"),
    ErrorRow(HostNotAllowed, 403, "host_not_allowed"),
    ErrorRow(CrossOriginRequest, 403, "cross_origin"),
    ErrorRow(TooManyRequests, 429, "too_many_requests", headers=retry_when_allowed),
    ErrorRow(PackageNotFound, 404, "package_not_found"),
    ErrorRow(SandboxNotFound, 404, "sandbox_not_found"),
    ErrorRow(SandboxFileNotFound, 404, "file_not_found"),
    ErrorRow(SandboxEnded, 410, "sandbox_ended"),
    ErrorRow(TooManySandboxes, 429, "too_many_sandboxes"),
    ErrorRow(SandboxBusy, 429, "sandbox_busy"),
    ErrorRow(TooManyCommands, 429, "too_many_commands"),
    ErrorRow(CommandNotFound, 404, "command_not_found"),
    ErrorRow(CommandEnded, 409, "command_ended"),
    ErrorRow(CommandInterrupted, 409, "command_interrupted"),
    ErrorRow(KernelNotFound, 404, "kernel_not_found"),
    ErrorRow(TooManyKernels, 429, "too_many_kernels"),
    ErrorRow(KernelNotRunning, 409, "kernel_not_running"),
    ErrorRow(KernelBusy, 409, "kernel_busy"),
    ErrorRow(KernelConnectionEnded, 409, "kernel_shut_down"),
    ErrorRow(PackageNotInstalled, 400, "package_not_installed"),
    ErrorRow(AlreadyInstalled, 400, "already_installed"),
    ErrorRow(UploadNotFound, 404, "upload_not_found"),
    ErrorRow(UploadTooLarge, 413, "upload_too_large"),
    ErrorRow(UploadsFull, 507, "uploads_full"),
    ErrorRow(StoreFull, 507, "store_full"),
    # nginx's status for it; nothing but the log ever sees it.
    ErrorRow(ClientDisconnected, 499, "client_disconnected"),
    ErrorRow(BodyTooLarge, 413, "too_large"),
    ErrorRow(RequestError, 400, "bad_request"),
    ErrorRow(QueueFull, 503, "queue_full", "queue is full", _retry_after(1)),
    ErrorRow(PackageArriving, 503, "package_arriving", headers=_retry_after(5)),
    ErrorRow(
        Busy,
        503,
        "busy",
        "All places are taken. Try again in a moment",
        _retry_after(1),
    ),
    ErrorRow(BuildError, 500, "build_failed"),
    ErrorRow(
        StorageError, 507, "storage", "Nothing can be stored now; the service's log says more"
    ),
    ErrorRow(
        EgressUnavailable,
        503,
        "egress_unavailable",
        "Programs have no network now; the service's log says more. Try again later",
    ),
    ErrorRow(
        LimitsUnavailable,
        503,
        "limits_unavailable",
        "The limits of clients can't be counted now. Try again later",
        _retry_after(5),
    ),
    ErrorRow(
        NodeUnavailable,
        503,
        "node_unavailable",
        "The node of this sandbox does not answer. Try again in a moment",
        _retry_after(5),
    ),
    ErrorRow(
        EngineUnavailable,
        503,
        "engine_unavailable",
        "The Docker engine does not answer. Try again later",
    ),
    ErrorRow(
        EngineError,
        503,
        "engine_error",
        "The Docker engine has failed; the service's log says more",
    ),
    ErrorRow(
        BoxEnded,
        503,
        "box_ended",
        "The container of this run has ended before its program did. Try again",
    ),
    ErrorRow(
        BoxUnresponsive,
        503,
        "box_unresponsive",
        "The container of this run does not answer. Try again",
    ),
    ErrorRow(
        UnsupportedMediaType,
        415,
        "unsupported_media_type",
        "requests must be of type application/json",
    ),
    ErrorRow(NotFound, 404, "not_found", "Not Found"),
    ErrorRow(
        UpgradeRequired,
        426,
        "upgrade_required",
        "This is a WebSocket: connect with one",
        lambda _: {"Upgrade": "websocket"},
    ),
    ErrorRow(
        MethodNotAllowed,
        405,
        "method_not_allowed",
        "Method Not Allowed",
        _allowed_methods,
    ),
    ErrorRow(LimitRequestLine, 414, "path_too_long", "The path is too long"),
    ErrorRow(LimitRequestHeaders, 431, "headers_too_large", "The headers are too many or too long"),
    ErrorRow(
        ExpectationFailed,
        417,
        "expectation_failed",
        "Nothing is known to be expected but 100-continue",
    ),
    ErrorRow(HTTPException, 400, "unreadable", "The request can't be read"),
    ErrorRow(ParseException, 400, "unreadable", "The request can't be read"),
    ErrorRow(Exception, 500, "internal", "The service has failed; its log says more"),
)


def find(error: Exception, first: Sequence[ErrorRow] = ()) -> ErrorRow:
    """Return the row for an exception; rows in `first` precede the table."""
    return next(row for row in (*first, *TABLE) if isinstance(error, row.error))


def report(error: Exception, first: Sequence[ErrorRow] = ()) -> ErrorRow:
    """Return the row for an exception that ends a request, and log it.

    Its code goes into the log line of the request. An error that says something about the health
    of the service gets a line of its own.
    """
    row = find(error, first)
    request_context.note(error=row.code)
    if not row.is_expected:
        # The text of a ServiceError is complete; of anything else the traceback matters.
        unexpected = None if isinstance(error, ServiceError) else error
        _log.error("%s", str(error) or type(error).__name__, exc_info=unexpected)
    return row


def detail(error: Exception) -> Mapping[str, str]:
    """Return the field that a body has beside its sentence, if the error has more to say."""
    if not isinstance(error, RequestError) or error.detail is None:
        return {}
    return {"detail": error.detail}


class ErrorShape:
    """The error bodies of one dialect: rows before the table, and the key of the sentence.

    `rest` are fields that every body has besides.
    """

    def __init__(
        self,
        key: str = "message",
        rows: Sequence[ErrorRow] = (),
        rest: Mapping[str, Any] | None = None,
    ) -> None:
        self.key = key
        self.rows = tuple(rows)
        self._rest = dict(rest or {})

    def response(self, error: Exception) -> Response:
        row = report(error, self.rows)
        # PyPI's pistonapi, which sends forms, takes an error with two fields for a result.
        more = detail(error) if request.is_json else {}
        response = jsonify({**self._rest, self.key: row.text(error), **row.fields(error), **more})
        response.status_code = row.status
        response.headers.update(row.headers(error))
        return response


def register(app: Flask, shape_for: Callable[[str], ErrorShape]) -> None:
    """Answer every exception; `shape_for` returns the shape of errors on a path."""

    def answer(error: Exception) -> Response:
        return shape_for(request.path).response(error)

    app.register_error_handler(Exception, answer)
