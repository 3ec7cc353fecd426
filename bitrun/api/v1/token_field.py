"""v1's field `api_token`, found without parsing the request.

A request without a valid token may cost no memory. So of its body only the beginning is looked at,
and the token must be there, in the query string or in the header.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from flask import Request

from bitrun.api.http.body import read_stream

SEARCHED_BYTES = 1 << 16

_FIELD = {
    "application/json": re.compile(rb'(?<!\\)"api_token"\s*:\s*"([^"\\]*)"'),
    "multipart/form-data": re.compile(
        rb'name="?api_token"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n'
    ),
}
_URLENCODED = re.compile(rb"(?:^|&)api_token=([^&]*)(?:&|$)")


def tokens(request: Request) -> Iterator[str]:
    """Give the value of the field, searching for it only once it is asked for."""
    yield _find(request)


def _find(request: Request) -> str:
    query = parse_qs(request.query_string, max_num_fields=64)
    if b"api_token" in query:
        return query[b"api_token"][-1].decode("utf-8", "replace")
    head = _peek(request.environ)
    found = _FIELD.get(request.mimetype, _URLENCODED).search(head)
    return found[1].decode("utf-8", "replace") if found else ""


def _peek(environ: dict[str, Any]) -> bytes:
    """Return the beginning of the body, and put it back."""
    stream = environ["wsgi.input"]
    head = read_stream(stream, SEARCHED_BYTES)
    environ["wsgi.input"] = _PutBack(head, stream)
    return head


class _PutBack:
    """A stream of which the beginning was read, and is given again."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            head, self._head = self._head, b""
            return head + bytes(self._rest.read())
        head, self._head = self._head[:size], self._head[size:]
        left = size - len(head)
        return head + bytes(self._rest.read(left)) if left else head
