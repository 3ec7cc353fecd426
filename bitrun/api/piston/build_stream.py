"""A build as a stream: one JSON object a line, the last of which is the answer."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from flask import Request, Response

from bitrun.api.http.errors import sentence
from bitrun.packages.builds import Build, parse_step

_TYPE = "application/x-ndjson"
_SILENCE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class _Stream(Response):
    # Whoever asks for the length, such as a log, would have all of it collected first.
    implicit_sequence_conversion = False


def wants_stream(request: Request) -> bool:
    """Whether a client prefers the stream; one that takes anything gets Piston's plain answer."""
    return request.accept_mimetypes.best_match(["application/json", _TYPE]) == _TYPE


def stream(build: Build, reply: Callable[[], dict[str, Any]]) -> Response:
    """Answer with a build's lines, and at its end with `reply` or the sentence of its fault."""
    response = _Stream(_lines(build, reply), content_type=_TYPE)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold the lines back
    return response


def _lines(build: Build, reply: Callable[[], dict[str, Any]]) -> Iterator[str]:
    try:
        for line in build.follow(_SILENCE_SECONDS):
            step = parse_step(line)
            yield _line({"line": line} | ({"step": step[0], "steps": step[1]} if step else {}))
        yield _line(reply())
    except Exception as fault:  # noqa: BLE001
        # The status has gone out long ago.
        _log.exception("A build has failed")
        yield _line({"message": sentence(fault)})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
