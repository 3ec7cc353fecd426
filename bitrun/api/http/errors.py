"""The error table: the one place where a fault becomes a status and a sentence."""

import logging
from collections.abc import Mapping

from flask import Flask, Response, jsonify, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from bitrun.model.errors import (
    AlreadyInstalled,
    BoxEnded,
    BoxSilent,
    BuildFault,
    Busy,
    CallerFault,
    CallerGone,
    EngineFault,
    EngineUnavailable,
    ForeignOrigin,
    MetricsClosed,
    NotInstalled,
    OurFault,
    PackageUnknown,
    RoleRefused,
    TokenRefused,
    TooManyRequests,
)

_log = logging.getLogger(__name__)


class UpgradeRequired(HTTPException):
    """A plain request where only a WebSocket can be served."""

    code = 426


# The first row that fits counts. No sentence: the fault's own, written for the caller.
TABLE: tuple[tuple[type[Exception], int, str | None], ...] = (
    (TokenRefused, 401, None),
    (RoleRefused, 403, None),
    (MetricsClosed, 403, None),
    (ForeignOrigin, 403, None),
    (TooManyRequests, 429, None),
    (PackageUnknown, 404, None),
    (AlreadyInstalled, 500, None),  # Piston's status for it, and for the next
    (NotInstalled, 500, None),
    (CallerGone, 499, None),  # nginx's status for it; it is only ever logged
    (CallerFault, 400, None),
    (Busy, 503, "All places are taken. Try again in a moment"),
    (BuildFault, 500, None),
    (EngineUnavailable, 503, "The Docker engine does not answer. Try again later"),
    (EngineFault, 503, "The Docker engine has failed; the service's log says more"),
    (BoxEnded, 503, "The container of this run has ended before its program did. Try again"),
    (BoxSilent, 503, "The container of this run does not answer. Try again"),
    (UnsupportedMediaType, 415, "requests must be of type application/json"),
    (RequestEntityTooLarge, 413, "The request is too large"),
    (NotFound, 404, "Not Found"),
    (UpgradeRequired, 426, "This is a WebSocket: connect with one"),
    (MethodNotAllowed, 405, "Method Not Allowed"),
    (HTTPException, 400, "The request can't be read"),
    (ParseException, 400, "The request can't be read"),  # from amidst its body
    (Exception, 500, "The service has failed; its log says more"),
)


def register(app: Flask) -> None:
    app.register_error_handler(Exception, _reply)


def sentence(error: Exception) -> str:
    """Say what is wrong in the words that are meant for the caller."""
    return _row(error)[1] or str(error)


def _row(error: Exception) -> tuple[int, str | None]:
    return next((status, text) for kind, status, text in TABLE if isinstance(error, kind))


def _reply(error: Exception) -> Response:
    if not isinstance(error, (CallerFault, Busy, HTTPException, ParseException)):
        # A fault of ours was noticed and says what it is; only of the others the way matters.
        unexpected = None if isinstance(error, OurFault) else error
        _log.error("%s", error or type(error).__name__, exc_info=unexpected)
    key = "error" if request.path.startswith("/api/v1/") else "message"
    response = jsonify({key: sentence(error)})
    response.status_code = _row(error)[0]
    response.headers.update(_headers(error))
    return response


def _headers(error: Exception) -> Mapping[str, str]:
    match error:
        case MethodNotAllowed() if error.valid_methods:
            return {"Allow": ", ".join(sorted(error.valid_methods))}
        case UpgradeRequired():
            return {"Upgrade": "websocket"}
        case Busy():
            return {"Retry-After": "1"}
        case TooManyRequests():
            return {"Retry-After": str(error.seconds)}
        case TokenRefused():
            return {"WWW-Authenticate": "Bearer"}
    return {}
