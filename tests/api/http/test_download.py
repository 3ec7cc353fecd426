"""Files as replies: in pieces, so that a slow client has time for each."""

from flask import Flask, request

from bitrun.api.http.body import CHUNK
from bitrun.api.http.download import download

CONTENT = bytes(range(256)) * 1024


def test_a_file_comes_in_pieces() -> None:
    response = download(CONTENT)
    pieces = list(response.iter_encoded())
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= CHUNK
    assert response.content_length == len(CONTENT)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_part_of_it() -> None:
    with Flask(__name__).test_request_context(headers={"Range": "bytes=70000-199999"}):
        response = download(CONTENT)
        response.make_conditional(request, accept_ranges=True, complete_length=len(CONTENT))
    assert response.status_code == 206
    assert response.content_length == 130_000
    assert b"".join(response.iter_encoded()) == CONTENT[70_000:200_000]
