"""The error table: the one place where a fault becomes a status and a sentence."""

import logging
from collections.abc import Mapping

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from bitrun.faults import (
    AlreadyInstalled,
    BuildFault,
    CallerFault,
    EngineUnavailable,
    NotInstalled,
    PackageUnknown,
    TokenRefused,
)

_log = logging.getLogger(__name__)

# The first row that fits counts. No sentence: the fault's own, written for the caller.
TABLE: tuple[tuple[type[Exception], int, str | None], ...] = (
    (TokenRefused, 401, None),
    (PackageUnknown, 404, None),
    (AlreadyInstalled, 500, None),  # Piston's status for it, and for the next
    (NotInstalled, 500, None),
    (CallerFault, 400, None),
    (BuildFault, 500, None),
    (EngineUnavailable, 503, "The Docker engine does not answer. Try again later"),
    (UnsupportedMediaType, 415, "requests must be of type application/json"),
    (RequestEntityTooLarge, 413, "The request is too large"),
    (NotFound, 404, "Not Found"),
    (MethodNotAllowed, 405, "Method Not Allowed"),
    (HTTPException, 400, "The request can't be read"),
    (Exception, 500, "The service has failed; its log says more"),
)


def register(app: Flask) -> None:
    app.register_error_handler(Exception, _reply)


def _reply(error: Exception) -> Response:
    status, sentence = next(
        (status, sentence) for kind, status, sentence in TABLE if isinstance(error, kind)
    )
    if not isinstance(error, (CallerFault, HTTPException)):
        _log.error("%s %s: %s", request.method, request.path, error, exc_info=error)
    key = "error" if request.path.startswith("/api/v1/") else "message"
    response = jsonify({key: sentence or str(error)})
    response.status_code = status
    response.headers.update(_headers(error))
    return response


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return {"Allow": ", ".join(sorted(error.valid_methods))}
    return {}
