"""JSON bodies: limits of memory, and refusals in words."""

import json
import time

import pytest

from bitrun.api.http.json_body import MAX_VALUES, parse_json, parse_object
from bitrun.model.errors import RequestError


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * 3_300_000 + b"{}]",
        b"[" + b'"",' * 3_300_000 + b'""]',
        b"[" + b"1," * 4_900_000 + b"1]",
        b'"' * 9_900_000,
        b"[" * 9_900_000,
    ],
    ids=["objects", "strings", "numbers", "quotes", "nesting"],
)
def test_many_values_are_refused_before_they_are_made(body: bytes) -> None:
    started = time.thread_time()
    with pytest.raises(RequestError, match=f"more than {MAX_VALUES} values"):
        parse_json(body)
    assert time.thread_time() - started < 1


def test_escaped_quotes_take_linear_time() -> None:
    started = time.thread_time()
    with pytest.raises(RequestError, match="Unterminated string"):
        parse_json(b'"' + b'\\"' * 2_000_000)
    assert time.thread_time() - started < 1


def test_text_is_no_value() -> None:
    """Source code is full of commas and brackets; inside a string they count for nothing."""
    source = 'print("[{,]}" + \\' * 300_000
    body = json.dumps({"files": [{"content": source}]})
    assert parse_object(body.encode())["files"][0]["content"] == source
    assert parse_object(body)["files"][0]["content"] == source


def test_as_many_values_as_a_large_request_has() -> None:
    files = [{"name": f"{n}.txt", "content": "", "encoding": "utf8"} for n in range(4096)]
    body = json.dumps({"files": files, "args": [""] * 8192}).encode()
    assert len(parse_object(body)["files"]) == 4096


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RequestError, match="nested too deeply"):
        parse_json(b"[" * 50_000)
