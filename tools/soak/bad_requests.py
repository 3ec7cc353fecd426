"""Bad requests, each with the status or close code that it must be refused with."""

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from websockets.exceptions import ConnectionClosed

from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, Rejected, WrongAnswer
from tools.soak.wire import RawClient, open_session

GROUP = "bad requests"

_EXECUTE, _RUN = "/api/v2/execute", "/api/v1/run"
_TRY_AGAIN_LATER = 1013


def attempts(client: ApiClient, raw: RawClient) -> Iterator[Attempt]:
    for name, body, status in _bodies():
        yield Attempt(GROUP, name, partial(_expect_refusal, client, _EXECUTE, body, status))
    for name, fields in _forms():
        yield Attempt(GROUP, f"v1: {name}", partial(_expect_refusal, client, _RUN, fields, 400))
    acts: dict[str, Callable[[], None]] = {
        "a form instead of JSON": partial(
            _expect_refusal, client, _EXECUTE, {"language": "python"}, 415
        ),
        "a form of another site's page": partial(
            _expect_refusal,
            client,
            _RUN,
            {"filename": "a.py", "content": "print(1)"},
            403,
            {"Origin": "http://evil.example"},
        ),
        "a page by DNS rebinding": partial(
            _expect_refusal, client, _EXECUTE, b"{}", 403, {"Host": "evil.example"}
        ),
        "an unknown path": partial(_expect_refusal, client, "/api/v2/nothing", b"{}", 404),
        "a body far too large": partial(too_large, raw),
        "no HTTP": partial(no_http, raw),
        "a header without an end": partial(endless_header, raw),
        "a body that is cut off": partial(cut_off, raw),
        "a session that begins with data": partial(_expect_close, client, 4003, type="data"),
        "a session in an unknown language": partial(
            _expect_close, client, 4002, **_python_request() | {"type": "init", "language": "none"}
        ),
    }
    for name, act in acts.items():
        yield Attempt(GROUP, name, act)


def _python_request(**fields: Any) -> dict[str, Any]:
    request = {"language": "python", "version": "*", "files": [{"content": "print(1)"}]}
    return request | fields


def _bodies() -> Iterator[tuple[str, bytes, int]]:
    file = {"content": "print(1)"}
    for name, body in {
        "an unknown language": _python_request(language="klingon"),
        "an impossible version": _python_request(version="x.y"),
        "no files": {"language": "python", "version": "*"},
        "files that are a number": _python_request(files=7),
        "a name that climbs": _python_request(files=[file | {"name": "../../tmp/x"}]),
        "an absolute name": _python_request(files=[file | {"name": "/etc/passwd"}]),
        "a NUL in a name": _python_request(files=[file | {"name": "a\0b"}]),
        "a name too long": _python_request(files=[file | {"name": "x" * 300}]),
        "half a surrogate pair": _python_request(files=[{"content": "\ud800"}]),
        "a limit beyond the operator's": _python_request(run_timeout=10**9),
    }.items():
        yield name, json.dumps(body).encode(), 400
    yield "half of a JSON", b'{"language": "python", "files": [', 400
    yield "nested too deeply", b'{"files": ' + b"[" * 100_000, 400
    yield "no UTF-8", b'{"language": "\xff\xfe"}', 400


def _forms() -> Iterator[tuple[str, dict[str, str]]]:
    yield "no file name", {"content": "print(1)"}
    yield "no content", {"filename": "a.py"}
    yield "an unknown extension", {"filename": "a.klingon", "content": "x"}
    yield "a file name that climbs", {"filename": "../a.py", "content": "x"}
    yield "too little memory", {"filename": "a.py", "content": "x", "memory_limit": "1"}


def _expect_refusal(
    client: ApiClient,
    path: str,
    body: bytes | dict[str, Any],
    status: int,
    headers: dict[str, str] | None = None,
) -> None:
    kind = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
    reply = client.send("POST", path, data=body, headers=kind | (headers or {}))
    answer = reply.json()
    has_more = len(answer.keys() - {"detail"}) != 1
    if reply.status_code != status or has_more or "Traceback" in reply.text:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r} instead of a {status}")


def too_large(raw: RawClient) -> None:
    raw.expect(raw.head(_EXECUTE, "application/json", 10**9), b"HTTP/1.1 413 ")


def no_http(raw: RawClient) -> None:
    client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    raw.expect(client_hello + b"\r\n\r\n", b"HTTP/1.1 400 ")


def endless_header(raw: RawClient) -> None:
    head = b"GET /api/v2/runtimes HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 1_000_000
    raw.expect(head, b"HTTP/1.1 431 ")


def cut_off(raw: RawClient) -> None:
    head = raw.head(_EXECUTE, "application/json", 1000)
    raw.expect(head + b'{"language": "py', b"HTTP/1.1 400 ", half_close=True)


def _expect_close(client: ApiClient, code: int, **message: Any) -> None:
    with open_session(client.url) as session, contextlib.suppress(ConnectionClosed):
        session.send(json.dumps(message))
        while True:
            session.recv(60)
    if session.close_code == _TRY_AGAIN_LATER:
        raise Rejected
    if session.close_code != code:
        raise WrongAnswer(f"closed with {session.close_code} instead of {code}")
