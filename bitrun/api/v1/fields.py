"""Reads the fields of a v1 request out of any of the accepted bodies."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from bitrun.api.http import urlencoded
from bitrun.api.http.json_body import parse_json
from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.model.errors import RequestError

NAMES = (
    "filename", "content", "command", "input", "env", "image", "memory_limit", "output_limit",
    "stack_limit", "process_limit", "clean", "unbuffered", "api_token",
)  # fmt: skip
# In JSON they may be numbers, too.
_NUMBERS = (
    "memory_limit", "output_limit", "stack_limit", "process_limit", "clean", "unbuffered",
)  # fmt: skip
_MAX_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields as sent, unchecked; text that was no UTF-8 holds surrogate escapes."""

    filename: str = ""
    content: str = ""
    command: str = ""
    input: str = ""
    env: str = ""
    image: str = ""
    memory_limit: str = ""
    output_limit: str = ""
    stack_limit: str = ""
    process_limit: str = ""
    clean: str = ""
    unbuffered: str = ""
    api_token: str = ""


def read_fields(request: Request, body: bytes) -> tuple[Fields, UnknownFields]:
    """Read the fields of a form, a multipart form or a JSON object, and of the query string.

    A field of the body wins over one of the query string. Those of no known name come apart.

    Raises:
        RequestError: the JSON is none, or holds something else than text where text belongs.
    """
    unknown = UnknownFields()
    fields = dict(_pairs(request.query_string))
    if request.mimetype == "application/json":
        fields |= _json_fields(parse_json(body), unknown)
    elif request.mimetype == "multipart/form-data":
        fields |= _multipart_fields(request, body)
    elif body.lstrip().startswith(b"{") and "filename" not in fields:
        # curl declares what it sends by -d as a form.
        raise RequestError("The body seems to be JSON: send Content-Type: application/json with it")
    else:
        # Flask's own parser would write %E9 for a byte that is no UTF-8.
        fields |= _pairs(body)
    unknown.add(fields, NAMES)
    return Fields(**{name: fields[name] for name in NAMES if name in fields}), unknown


def _pairs(encoded: bytes) -> dict[str, str]:
    return {name: _text(value) for name, value in urlencoded.parse(encoded, _MAX_FIELDS)}


def _multipart_fields(request: Request, body: bytes) -> dict[str, str]:
    # Not by `request.form`, which lasts as long as the request.
    parser = FormDataParser(max_form_parts=_MAX_FIELDS)
    try:
        _, form, files = parser.parse(
            BytesIO(body), request.mimetype, len(body), request.mimetype_params
        )
    except RequestEntityTooLarge as error:
        raise RequestError(f"At most {_MAX_FIELDS} fields are possible") from error
    contents: dict[str, str] = {}
    # A file part keeps its bytes; werkzeug decodes the text parts itself.
    for name, part in files.items(multi=True):
        with closing(part):
            contents.setdefault(name, _text(part.read()))
    return form.to_dict() | contents


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _json_fields(body: Any, unknown: UnknownFields) -> Mapping[str, str]:
    if not isinstance(body, dict):
        raise RequestError("Invalid JSON: an object is expected")
    unknown.add(body, NAMES)
    fields = {}
    for name in NAMES:
        value = body.get(name)
        if isinstance(value, bool) or (isinstance(value, int) and name in _NUMBERS):
            value = str(int(value))
        if value is not None and not isinstance(value, str):
            raise RequestError(f"Invalid {name}: text is expected")
        if value is not None:
            fields[name] = value
    return fields
