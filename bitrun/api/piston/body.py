"""The bodies of Piston requests: JSON, also where an old client does not say so.

Piston refuses whatever is not declared as JSON, and so do we. Two clients in use were written
before it did: npm's `piston-client` lets fetch declare its JSON as text, and PyPI's `pistonapi`
sends a form, with a field `timeout` that Piston's requests no longer have. Both are understood,
by `execute` alone.
"""

from typing import Any
from urllib.parse import parse_qs

from flask import Request

from bitrun.api.http.json_body import parse_object

_JSON = "application/json"
_FETCH = "text/plain;charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"


def is_understood(request: Request) -> bool:
    """Whether the type of a request's body is one that is read."""
    kind = request.headers.get("Content-Type", "")
    if kind.startswith(_JSON):
        return True
    if request.method != "POST" or not request.path.rstrip("/").endswith("/execute"):
        return False
    return kind == _FETCH or (kind == _FORM and "timeout" in _form(request))


def execute_body(request: Request) -> dict[str, Any]:
    """Read the body of `execute`.

    Raises:
        RequestError: it is neither JSON nor a form of that client.
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
