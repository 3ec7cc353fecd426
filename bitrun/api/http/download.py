"""Files as replies, which no browser shows as a page of this site."""

from collections.abc import Iterator

from flask import Response

from bitrun.api.http.body import CHUNK
from bitrun.api.http.streamed import Streamed
from bitrun.model.job import Content

BINARY = "application/octet-stream"


def download(content: Content, content_type: str = BINARY) -> Response:
    """Send a file in pieces: as a whole it would have to arrive within the time for one write."""
    response = Streamed(_pieces(content), content_type=content_type)
    response.content_length = len(content)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _pieces(content: Content) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]
