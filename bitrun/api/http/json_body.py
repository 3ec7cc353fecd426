"""Strict parsing of JSON bodies, with errors that name the place."""

import json
from typing import Any, Never

from bitrun.model.errors import RequestError


def parse_json(body: bytes | str) -> Any:
    """Parse a JSON text.

    Raises:
        RequestError: the text is invalid; the message says how and where.
    """
    try:
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
        return json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RequestError(f"The body is no UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise RequestError(
            f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise RequestError("The body is nested too deeply") from error
    except ValueError as error:  # an integer of thousands of digits
        raise RequestError("The body holds a number that is too long") from error


def parse_object(body: bytes | str) -> dict[str, Any]:
    """Parse a JSON object. No body, or another kind of value, counts as an empty object."""
    value = parse_json(body) if body.strip() else {}
    return value if isinstance(value, dict) else {}


def _refuse_constant(name: str) -> Never:
    raise RequestError(f"The body is no JSON: {name} is no number of it")
