"""JSON with texts of megabytes: written in parts, so that it is never in memory as a whole."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, jsonify

from bitrun.api.http.streamed import Streamed

_TYPE = "application/json"
_MAX_WHOLE = 1 << 17  # bytes


class Parts:
    """A text that is written in parts; `make` begins from the start each time."""

    def __init__(self, make: Callable[[], Iterable[str]]) -> None:
        self.make = make


def text(make: Callable[[], Iterable[str]], size: int) -> str | Parts:
    """Return a text of `size` bytes: as a whole, if it is small."""
    return Parts(make) if size > _MAX_WHOLE else "".join(make())


def reply(value: Mapping[str, Any]) -> Response:
    """Write an object of plain JSON and of `Parts`; without any of these as a whole."""
    if not _has_parts(value):
        return jsonify(value)
    return Streamed(line(value), content_type=_TYPE)


def line(value: Mapping[str, Any]) -> Iterator[str]:
    """Write an object of plain JSON and of `Parts`, and the end of a line."""
    return _object(value, end="}\n")


def _has_parts(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_parts, value.values()))
    if isinstance(value, list):
        return any(map(_has_parts, value))
    return isinstance(value, Parts)


def _object(value: Mapping[str, Any], end: str = "}") -> Iterator[str]:
    separator = "{"
    for name in sorted(value):  # as Flask does
        yield f"{separator}{json.dumps(name)}:"
        yield from _value(value[name])
        separator = ","
    yield end if value else f"{{{end}"


def _value(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _object(value)
    elif isinstance(value, list):
        yield "["
        for position, each in enumerate(value):
            yield from ([","] if position else [])
            yield from _value(each)
        yield "]"
    elif isinstance(value, Parts):
        yield '"'
        for part in value.make():
            yield json.dumps(part)[1:-1]
        yield '"'
    else:
        yield json.dumps(value, separators=(",", ":"))
