"""Replies as a stream: one JSON object a line, sent as it comes into being."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from flask import Request, Response

from bitrun.api.http import large_json

TYPE = "application/x-ndjson"


class _Stream(Response):
    # Reading its length, as a log does, would collect the whole stream first.
    implicit_sequence_conversion = False


def is_wanted(request: Request) -> bool:
    """Whether a client prefers the stream; one that accepts anything gets the plain reply."""
    return request.accept_mimetypes.best_match(["application/json", TYPE]) == TYPE


def stream(objects: Iterable[dict[str, Any]]) -> Response:
    """Stream objects; an iterator that raises breaks the reply off."""
    lines = chain.from_iterable(map(large_json.line, objects))
    response = _Stream(lines, content_type=TYPE)
    response.headers["X-Accel-Buffering"] = "no"  # else nginx buffers the lines
    return response
