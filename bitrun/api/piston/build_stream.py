"""The output of a build as a stream: one JSON object a line, the last of which is the result."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Response

from bitrun.api.http import errors, ndjson
from bitrun.packages.builds import Build, parse_step

_KEEPALIVE_SECONDS = 5.0


def stream(build: Build, reply: Callable[[], dict[str, Any]]) -> Response:
    """Stream the lines of a build, and at its end `reply` or the sentence of its error."""
    return ndjson.stream(_objects(build, reply))


def _objects(build: Build, reply: Callable[[], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        for line in build.follow(_KEEPALIVE_SECONDS):
            step = parse_step(line)
            yield {"line": line} | ({"step": step[0], "steps": step[1]} if step else {})
        yield reply()
    except Exception as error:  # noqa: BLE001
        # The status was sent long ago.
        yield {"message": errors.report(error).text(error)}
