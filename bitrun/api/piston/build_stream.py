"""The output of a build as a stream: one JSON object a line, the last of which is the result."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flask import Request, Response

from bitrun.api.http import errors
from bitrun.packages.builds import Build, parse_step

_TYPE = "application/x-ndjson"
_KEEPALIVE_SECONDS = 5.0


class _Stream(Response):
    # Reading its length, as a log does, would collect the whole stream first.
    implicit_sequence_conversion = False


def wants_stream(request: Request) -> bool:
    """Whether a client prefers the stream; one that accepts anything gets Piston's plain reply."""
    return request.accept_mimetypes.best_match(["application/json", _TYPE]) == _TYPE


def stream(build: Build, reply: Callable[[], dict[str, Any]]) -> Response:
    """Stream the lines of a build, and at its end `reply` or the sentence of its error."""
    response = _Stream(_lines(build, reply), content_type=_TYPE)
    response.headers["X-Accel-Buffering"] = "no"  # else nginx buffers the lines
    return response


def _lines(build: Build, reply: Callable[[], dict[str, Any]]) -> Iterator[str]:
    try:
        for line in build.follow(_KEEPALIVE_SECONDS):
            step = parse_step(line)
            yield _line({"line": line} | ({"step": step[0], "steps": step[1]} if step else {}))
        yield _line(reply())
    except Exception as error:  # noqa: BLE001
        # The status was sent long ago.
        yield _line({"message": errors.report(error).text(error)})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
