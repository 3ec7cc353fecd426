"""Replies as a stream: one JSON object a line, sent as it comes into being."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from flask import Request, Response

from bitrun.api.http import errors, large_json
from bitrun.api.http.streamed import Streamed
from bitrun.model.errors import RequestError

TYPE = "application/x-ndjson"


def is_wanted(request: Request) -> bool:
    """Whether a client prefers the stream; one that accepts anything gets the plain reply."""
    return request.accept_mimetypes.best_match(["application/json", TYPE]) == TYPE


def begin(objects: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Wait for the first object, so that an error before it still has a status of its own.

    An error of the client after it becomes a last object, of the type `error`.
    """
    first = next(objects)

    def all_objects() -> Iterator[dict[str, Any]]:
        try:
            yield first
            yield from objects
        except RequestError as error:
            yield {"type": "error", "message": errors.report(error).text(error)}

    return all_objects()


def stream(objects: Iterable[dict[str, Any]]) -> Response:
    """Stream objects; an iterator that raises breaks the reply off."""
    lines = chain.from_iterable(map(large_json.line, objects))
    response = Streamed(lines, content_type=TYPE)
    response.headers["X-Accel-Buffering"] = "no"  # else nginx buffers the lines
    return response
