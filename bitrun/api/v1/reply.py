"""Results as v1 writes them: the plain output, and `X-Run-*` headers."""

import re
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

from flask import Response

from bitrun.api.http import large_json
from bitrun.api.piston import verdicts
from bitrun.api.piston.reply import new_decoder
from bitrun.api.v1.durations import go_duration
from bitrun.model.result import Outcome, Result

HEADERS = (
    "X-Run-Command", "X-Run-Duration", "X-Run-Exitcode", "X-Run-Verdict", "X-Run-Status",
    "X-Run-Message", "X-Run-Signal", "X-Run-Wall-Time", "X-Run-Cpu-Time", "X-Run-Memory",
    "X-Run-Compile",
)  # fmt: skip

_SLICE = 1 << 16  # bytes of output in a part of a reply
_MAX_HEADER = 4096  # bytes
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NS_PER_MS = 1_000_000


def run_reply(
    result: Result, *, command: str, media_type: str, timeout_ms: int, duration_ns: int
) -> Response:
    """Write a result.

    A run that has crossed its wall time is an error in v1, with the output so far beside it.

    Args:
        result: of the run.
        command: what ran, for the header.
        media_type: of the output; a text type gets a charset.
        timeout_ms: the limit of wall time, for the error's sentence.
        duration_ns: nanoseconds of the whole request.
    """
    output = b"".join(stage.output for stage in result.stages)
    if result.last.verdict.outcome is Outcome.WALL_TIME:
        return _timed_out(output, timeout_ms)
    response = Response(output, content_type=_content_type(media_type))
    response.headers.update(_headers(result, command, duration_ns))
    # A program's output is no page of ours, whatever a browser may take it for.
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _content_type(media_type: str) -> str:
    """Add a charset to a text type: clients take text without one for Latin-1."""
    if media_type.startswith("text/") and "charset=" not in media_type:
        return f"{media_type}; charset=utf-8"
    return media_type


def _timed_out(output: bytes, timeout_ms: int) -> Response:
    timeout = go_duration(timeout_ms * _NS_PER_MS)
    response = large_json.reply(
        {
            "error": f"Operation timed out after {timeout}",
            "output": large_json.text(partial(_text, output), len(output)),
        }
    )
    response.status_code = HTTPStatus.BAD_REQUEST
    response.headers["X-Run-Verdict"] = Outcome.WALL_TIME
    return response


def _text(output: bytes) -> Iterator[str]:
    decoder = new_decoder()
    for start in range(0, len(output), _SLICE):
        yield decoder.decode(output[start : start + _SLICE])
    yield decoder.decode(b"", final=True)


def _headers(result: Result, command: str, duration_ns: int) -> dict[str, str]:
    verdict = result.last.verdict
    cpu_ms = sum(stage.verdict.cpu_ms for stage in result.stages)
    wall_ms = sum(stage.verdict.wall_ms for stage in result.stages)
    values = {
        "X-Run-Command": header_text(command),
        "X-Run-Duration": go_duration(duration_ns),
        "X-Run-Exitcode": str(verdict.shell_code),
        "X-Run-Verdict": verdict.outcome,
        "X-Run-Status": verdicts.status(verdict),
        "X-Run-Message": verdicts.detail(verdict),
        "X-Run-Signal": verdict.signal,
        "X-Run-Wall-Time": go_duration(round(wall_ms * _NS_PER_MS)),
        "X-Run-Cpu-Time": go_duration(round(cpu_ms * _NS_PER_MS)),
        "X-Run-Memory": str(max(stage.verdict.memory for stage in result.stages)),
        "X-Run-Compile": "cached" if any(stage.cached for stage in result.stages) else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def header_text(text: str) -> str:
    """Fit any text into a header: one line, its UTF-8 bytes unchanged, of limited length."""
    line = _CONTROL.sub(" ", text)
    return line.encode("utf-8", "surrogateescape")[:_MAX_HEADER].decode("latin-1")
