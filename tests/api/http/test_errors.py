"""The error table: every exception of ours has a row, and every row an answer."""

import inspect
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException, NotFound

from bitrun.api import dify
from bitrun.api.dialects import DIALECTS, errors_for
from bitrun.api.http import errors
from bitrun.api.http.errors import TABLE, ErrorRow, ErrorShape
from bitrun.api.openapi.document import document
from bitrun.api.piston.errors import NothingToUninstall
from bitrun.model import errors as model_errors
from bitrun.model.errors import (
    AlreadyInstalled,
    BoxEnded,
    BoxError,
    Busy,
    ChannelEnded,
    EngineUnavailable,
    PackageArriving,
    RequestError,
    ResidueLeft,
    SandboxEnded,
    ServiceError,
    SessionEnded,
    TokenRequired,
    TooManyRequests,
)
from bitrun.model.sandbox import EndReason
from bitrun.telemetry import request_context

CATCH_ALL = TABLE[-1]
CLASSES = [
    error
    for _, error in inspect.getmembers(model_errors, inspect.isclass)
    if issubclass(error, Exception) and error.__module__ == model_errors.__name__
]
# These have no row: the first leaves a session and answers nothing, and the second comes when the
# answer is on its way; the others are answered as faults of the service, with no sentence that a
# client could use.
WITHOUT_ROW = {SessionEnded, ResidueLeft, ChannelEnded, ServiceError, BoxError}
# Answers to what is no operation of the document: no client is left, no route or method fits, or
# gunicorn can't parse the request.
OF_NO_OPERATION = {499, 405, 414, 417, 431}

ROWS = [*TABLE, *(row for dialect in DIALECTS for row in dialect.errors.rows)]


def example(error: type[Exception]) -> Exception:
    """Make an exception of a class, whatever arguments it takes."""
    parameters = inspect.signature(error.__init__).parameters.values()
    count = sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters) - 1
    if error is TooManyRequests:
        return TooManyRequests(7)
    if error is SandboxEnded:
        return SandboxEnded(EndReason.IDLE)
    if "__init__" not in vars(error):
        return error("what was wrong")
    return error(*["word"] * count)


@pytest.fixture
def fields() -> Iterator[Any]:
    """The fields that the log line of a request will have."""
    request_context.begin("test")
    yield request_context.fields
    request_context.end()


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_of_the_model_has_a_row(error: type[Exception]) -> None:
    row = next(row for row in TABLE if issubclass(error, row.error))
    assert (row is CATCH_ALL) == (error in WITHOUT_ROW)


@pytest.mark.parametrize("row", TABLE[:-1], ids=lambda row: row.error.__name__)
def test_no_row_hides_behind_a_wider_one(row: ErrorRow) -> None:
    first = next(each for each in TABLE if issubclass(row.error, each.error))
    assert first is row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.error.__name__)
def test_rows(row: ErrorRow) -> None:
    # Dify shows a sentence only where the status is 200.
    assert 400 <= row.status < 600 or (row.status == 200 and row in dify.DIALECT.errors.rows)
    assert row.status == 499 or HTTPStatus(row.status)
    assert row.code.replace("_", "").isalpha()
    assert row.code == row.code.lower()
    if row.sentence is not None:
        assert row.sentence.strip() == row.sentence != ""
        assert not row.sentence.endswith(".")


def test_a_code_means_one_thing() -> None:
    by_code: dict[str, set[int]] = {}
    for row in TABLE:
        by_code.setdefault(row.code, set()).add(row.status)
    assert all(len(statuses) == 1 for statuses in by_code.values())
    twice = {row.code for row in TABLE if [each.code for each in TABLE].count(row.code) > 1}
    assert twice == {"unreadable"}  # by werkzeug and by gunicorn


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_text(error: type[Exception]) -> None:
    made = example(error)
    text = errors.find(made).text(made)
    assert text
    assert "word" not in text or issubclass(error, (RequestError, PackageArriving))


def test_only_client_errors_speak_for_themselves() -> None:
    """The text of a ServiceError is for the log; that of a build is what its admin asked for.

    And which package a client waits for it knows from its own request.
    """
    silent = [row for row in TABLE if row.sentence is None]
    assert {row.error.__name__ for row in silent if not issubclass(row.error, RequestError)} == {
        "BuildError",
        "PackageArriving",
    }


def test_the_document_has_every_status() -> None:
    documented = {
        int(status)
        for operations in document()["paths"].values()
        for operation in operations.values()
        for status in operation["responses"]
    }
    assert {row.status for row in ROWS} - documented == OF_NO_OPERATION


@pytest.mark.parametrize(
    ("path", "error", "status", "body"),
    [
        ("/api/v1/run", TokenRequired(), 400, {"error": "Api token is invalid"}),
        ("/api/v1/nothing", NotFound(), 404, {"error": "Not Found"}),
        ("/api/v2/packages", AlreadyInstalled(), 500, {"message": "Already installed"}),
        ("/api/v2/packages", NothingToUninstall("c", "1"), 500,
         {"message": "c-1 is not installed"}),
        ("/api/v2/execute", RequestError("x"), 400, {"message": "x"}),
        ("/api/v2/execute", BoxError("The supervisor: stage: fork: Cannot allocate memory"), 500,
         {"message": "The service has failed; its log says more"}),
        ("/mcp", BoxEnded(), 503,
         {"message": "The container of this run has ended before its program did. Try again"}),
        ("/metrics", KeyError("x"), 500, {"message": "The service has failed; its log says more"}),
    ],
)  # fmt: skip
def test_shapes(path: str, error: Exception, status: int, body: dict[str, str]) -> None:
    with Flask(__name__).test_request_context(path):
        response = errors_for(path).response(error)
    assert (response.status_code, response.json) == (status, body)


def test_headers() -> None:
    assert errors.find(TokenRequired()).headers(None) == {"WWW-Authenticate": "Bearer"}
    error = TooManyRequests(7)
    assert errors.find(error).headers(error) == {"Retry-After": "7"}
    assert errors.find(Busy()).headers(None) == {"Retry-After": "1"}
    assert not ErrorShape().rows


def test_rows_of_a_dialect_come_first() -> None:
    row = ErrorRow(RequestError, 499, "mine")
    assert errors.find(TokenRequired(), [row]) is row
    assert errors.find(Busy(), [row]).code == "busy"


@pytest.mark.parametrize(
    ("error", "code", "logged"),
    [
        (RequestError("x"), "bad_request", []),
        (Busy(), "busy", []),
        (HTTPException(), "unreadable", []),
        (EngineUnavailable("no socket"), "engine_unavailable", ["no socket"]),
        (BoxEnded(), "box_ended", ["The box ended before its verdict"]),
        (KeyError(), "internal", ["KeyError"]),
    ],
)
def test_report(
    error: Exception, code: str, logged: list[str], fields: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert errors.report(error).code == code
    assert fields() == {"error": code}
    assert [record.getMessage() for record in caplog.records] == logged
    for record in caplog.records:
        assert bool(record.exc_info) != isinstance(error, ServiceError)
