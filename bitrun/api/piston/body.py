"""Bodies of Piston requests: JSON, also without its media type from two old clients, or multipart.

Piston refuses bodies that are not declared as JSON, and so do we. Two clients in use are older than
that: npm's `piston-client` lets fetch declare its JSON as text, and PyPI's `pistonapi` sends a
form, with a field `timeout` that Piston's requests no longer have. `execute` alone accepts both.

A multipart body has the JSON in its part `request`, and in parts `files` files as they are, without
the third that base64 adds. Uploads are bodies of any type.
"""

from collections import defaultdict
from typing import Any

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from bitrun.api.http import multipart, urlencoded
from bitrun.api.http.body import CHUNK
from bitrun.api.http.json_body import parse_object
from bitrun.model.errors import RequestError

_JSON = "application/json"
_FETCH_TEXT = "text/plain;charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 1024
_MULTIPART_PATHS = ("/execute", "/execute/batch")
_UPLOADS = "/files"


def is_understood(request: Request) -> bool:
    """Whether the media type of a body is accepted."""
    content_type = request.headers.get("Content-Type", "")
    if content_type.startswith(_JSON):
        return True
    path = request.path.rstrip("/")
    if path.endswith(_UPLOADS) or path.rpartition("/")[0].endswith(_UPLOADS):
        return True
    if request.method != "POST":
        return False
    if multipart.is_multipart(request):
        return path.endswith(_MULTIPART_PATHS)
    return path.endswith("/execute") and content_type in (_FETCH_TEXT, _FORM)


def execute_body(request: Request, body: bytes) -> dict[str, Any]:
    """Read the body of `execute` or of a batch.

    Raises:
        RequestError: it is neither JSON nor such a form.
    """
    if multipart.is_multipart(request):
        return _multipart_body(request, body)
    if request.headers.get("Content-Type") != _FORM:
        return parse_object(body)
    form = _form(body)
    if "timeout" not in form:
        raise UnsupportedMediaType
    fields: dict[str, Any] = {name: values[-1] for name, values in form.items()}
    files = [{"content": content} for content in form.get("files", ())]
    return fields | {"files": files, "args": form.get("args")}


def _multipart_body(request: Request, body: bytes) -> dict[str, Any]:
    slices = (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))
    fields, files = None, []
    for part in multipart.read_parts(request, slices, _MAX_FIELDS):
        if part.name == "request":
            fields = parse_object(b"".join(part.chunks))
        elif part.name == "files":
            files.append({"name": part.filename, "content": b"".join(part.chunks)})
    if fields is None:
        raise RequestError("A multipart body needs a part `request` with the JSON of the request")
    listed = fields.get("files", [])
    return fields | {"files": [*listed, *files] if isinstance(listed, list) else listed}


def _form(body: bytes) -> dict[str, list[str]]:
    form = defaultdict(list)
    for name, value in urlencoded.parse(body, _MAX_FIELDS):
        form[name].append(value.decode("utf-8", "replace"))
    return form
