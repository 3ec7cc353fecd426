"""Bodies of Piston requests: JSON, also without its media type from two old clients.

Piston refuses bodies that are not declared as JSON, and so do we. Two clients in use are older than
that: npm's `piston-client` lets fetch declare its JSON as text, and PyPI's `pistonapi` sends a
form, with a field `timeout` that Piston's requests no longer have. `execute` alone accepts both.
"""

from collections import defaultdict
from typing import Any

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from bitrun.api.http import urlencoded
from bitrun.api.http.json_body import parse_object

_JSON = "application/json"
_FETCH_TEXT = "text/plain;charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 1024


def is_understood(request: Request) -> bool:
    """Whether the media type of a body is accepted."""
    content_type = request.headers.get("Content-Type", "")
    if content_type.startswith(_JSON):
        return True
    if request.method != "POST" or not request.path.rstrip("/").endswith("/execute"):
        return False
    return content_type in (_FETCH_TEXT, _FORM)


def execute_body(request: Request, body: bytes) -> dict[str, Any]:
    """Read the body of `execute`.

    Raises:
        RequestError: it is neither JSON nor such a form.
    """
    if request.headers.get("Content-Type") != _FORM:
        return parse_object(body)
    form = _form(body)
    if "timeout" not in form:
        raise UnsupportedMediaType
    fields: dict[str, Any] = {name: values[-1] for name, values in form.items()}
    files = [{"content": content} for content in form.get("files", ())]
    return fields | {"files": files, "args": form.get("args")}


def _form(body: bytes) -> dict[str, list[str]]:
    form = defaultdict(list)
    for name, value in urlencoded.parse(body, _MAX_FIELDS):
        form[name].append(value.decode("utf-8", "replace"))
    return form
