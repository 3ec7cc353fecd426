"""Strict parsing of JSON bodies, in bounded memory, with errors that name the place."""

import json
import re
from typing import Any, Never

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from bitrun.model.errors import RequestError
from bitrun.model.nesting import MAX_DEPTH, is_too_deep

MAX_VALUES = 100_000  # in one body; each takes up to 100 bytes of memory besides its text

# A string up to its end or the body's, or the start of another value. Possessive, since with
# backtracking an unterminated string of escaped quotes would take quadratic time.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{,]', re.DOTALL)


def parse_json(body: bytes | str) -> Any:
    """Parse a JSON text.

    Raises:
        RequestError: the text is invalid, has too many values or is nested too deeply; the message
            says how and where.
    """
    try:
        raw = body.encode() if isinstance(body, str) else body
        limit_values(raw)
        if is_too_deep(raw):
            raise RequestError(f"The body is nested too deeply: {MAX_DEPTH} levels are possible")
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
        return json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RequestError(f"The body is no UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise RequestError(
            f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except ValueError as error:  # an integer of thousands of digits
        raise RequestError("The body holds a number that is too long") from error


def parse_object(body: bytes | str) -> dict[str, Any]:
    """Parse a JSON object. No body, or another kind of value, counts as an empty object."""
    value = parse_json(body) if body.strip() else {}
    return value if isinstance(value, dict) else {}


def is_unicode(text: str) -> bool:
    """Whether a string of a JSON body has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_text(text: str, name: str) -> bytes:
    """Return the UTF-8 of a string of a JSON body, which may hold half of a surrogate pair.

    Raises:
        RequestError: it does; the message has the `name` of the field.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{name} is no valid Unicode") from error


def require_json(request: Request) -> None:
    """Check that a body is declared as JSON.

    Raises:
        UnsupportedMediaType: it is declared as something else, or not at all.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType


def limit_values(body: bytes) -> None:
    """Count the values before any of them becomes an object.

    10 MB of `{},` would become 250 MB.
    """
    # A body of few bytes can't hold many.
    if len(body) <= MAX_VALUES:
        return
    for number, _ in enumerate(_TOKEN.finditer(body)):
        if number >= 2 * MAX_VALUES:  # a value has a comma or bracket, and may be a string
            raise RequestError(f"The body holds more than {MAX_VALUES} values")


def _refuse_constant(name: str) -> Never:
    raise RequestError(f"The body is no JSON: {name} is no number of it")
