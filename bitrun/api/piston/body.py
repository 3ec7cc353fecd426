"""Bodies of Piston requests: JSON, also without its media type from two old clients.

Piston refuses bodies that are not declared as JSON, and so do we. Two clients in use are older than
that: npm's `piston-client` lets fetch declare its JSON as text, and PyPI's `pistonapi` sends a
form, with a field `timeout` that Piston's requests no longer have. `execute` alone accepts both.
"""

from typing import Any
from urllib.parse import parse_qs

from flask import Request

from bitrun.api.http.json_body import parse_object

_JSON = "application/json"
_FETCH_TEXT = "text/plain;charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"


def is_understood(request: Request) -> bool:
    """Whether the media type of a body is accepted."""
    content_type = request.headers.get("Content-Type", "")
    if content_type.startswith(_JSON):
        return True
    if request.method != "POST" or not request.path.rstrip("/").endswith("/execute"):
        return False
    return content_type == _FETCH_TEXT or (content_type == _FORM and "timeout" in _form(request))


def execute_body(request: Request) -> dict[str, Any]:
    """Read the body of `execute`.

    Raises:
        RequestError: it is neither JSON nor such a form.
    """
    if request.headers.get("Content-Type") != _FORM:
        return parse_object(request.get_data())
    form = _form(request)
    body: dict[str, Any] = {name: values[-1] for name, values in form.items()}
    files = [{"content": content} for content in form.get("files", ())]
    return body | {"files": files, "args": form.get("args")}


def _form(request: Request) -> dict[str, list[str]]:
    text = request.get_data().decode("utf-8", "replace")
    return parse_qs(text, keep_blank_values=True)
