"""The fields of a v1 request, from whichever of the accepted forms it came in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import Request

from bitrun.api.http.json_body import parse_json
from bitrun.model.errors import RequestError

_NAMES = (
    "filename", "content", "command", "input", "env", "image", "memory_limit", "clean", "api_token",
)  # fmt: skip
_FILENAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.([A-Za-z0-9+]{1,12})")
_FIELDS_MOST = 64
_FILENAME_LONGEST = 255  # Linux's NAME_MAX
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent, unchecked; text that was no UTF-8 holds surrogate escapes."""

    filename: str = ""
    content: str = ""
    command: str = ""
    input: str = ""
    env: str = ""
    image: str = ""
    memory_limit: str = ""
    clean: str = ""
    api_token: str = ""


def read_form(request: Request) -> Form:
    """Collect the fields of a form, a multipart form or a JSON object, and of the query string.

    Raises:
        RequestError: the JSON is none, or holds something else than text where text belongs.
    """
    fields = dict(_pairs(request.query_string))
    if request.mimetype == "application/json":
        fields |= _json_fields(parse_json(request.get_data()))
    elif request.mimetype == "multipart/form-data":
        fields |= request.form.to_dict()
        # A file part keeps its bytes; werkzeug decodes the text parts itself.
        fields |= {name: _text(part.read()) for name, part in request.files.items()}
    else:
        # Flask's own parser would write %E9 for a byte that is no UTF-8.
        fields |= _pairs(request.get_data())
    return Form(**{name: fields[name] for name in _NAMES if name in fields})


def extension(filename: str) -> str:
    """Return a file name's extension without its dot.

    Raises:
        RequestError: the name is empty, or no plain file name with an extension.
    """
    if not filename:
        raise RequestError("Filename is required")
    match = _FILENAME.fullmatch(filename)
    if match is None or len(filename) > _FILENAME_LONGEST:
        raise RequestError("Invalid filename")
    return match[1]


def variables(text: str) -> dict[str, str]:
    """Read `NAME=value` lines."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, equals, value = line.removesuffix("\r").partition("=")
        if not name and not equals:
            continue
        if not equals or not _VARIABLE.fullmatch(name):
            raise RequestError(f"Invalid env: line {number} is not NAME=value")
        found[name] = value
    return found


def data(text: str, field: str) -> bytes:
    """Return the bytes that were sent."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RequestError(f"Invalid {field}: it holds half of a surrogate pair") from error


def _pairs(query: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(
                _text(query),
                keep_blank_values=True,
                errors="surrogateescape",
                max_num_fields=_FIELDS_MOST,
            )
        )
    except ValueError as error:
        raise RequestError(f"At most {_FIELDS_MOST} fields are possible") from error


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _json_fields(body: Any) -> Mapping[str, str]:
    if not isinstance(body, dict):
        raise RequestError("Invalid JSON: an object is expected")
    fields = {}
    for name in _NAMES:
        value = body.get(name)
        if isinstance(value, bool) or (
            isinstance(value, int) and name in ("memory_limit", "clean")
        ):
            value = str(int(value))
        if value is not None and not isinstance(value, str):
            raise RequestError(f"Invalid {name}: text is expected")
        if value is not None:
            fields[name] = value
    return fields
