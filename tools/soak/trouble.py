"""Hostile requests, each with the answers that are right, and what goes on beside the runs."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import docker
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tools.soak.tally import Attempt, Wrong
from tools.soak.ways import Server

REQUESTS = "hostile requests"
BESIDE = "beside the runs"

_EXECUTE, _RUN = "/api/v2/execute", "/api/v1/run"
_MOMENT = 0.3  # seconds: by then a program runs
_SLEEPER = {
    "language": "python",
    "version": "*",
    "files": [{"content": "import time; print('ready', flush=True); time.sleep(60)"}],
}


def attempts(server: Server) -> Iterator[Attempt]:
    for name, body, status in _bodies():
        yield Attempt(REQUESTS, name, partial(_refused, server, _EXECUTE, body, status))
    for name, fields in _forms():
        yield Attempt(REQUESTS, f"v1: {name}", partial(_refused, server, _RUN, fields, 400))
    wire = _Wire(server.url)
    acts: dict[str, Callable[[], None]] = {
        "no JSON by its own word": partial(_refused, server, _EXECUTE, {"language": "python"}, 415),
        "a path that is not there": partial(_refused, server, "/api/v2/nothing", b"{}", 404),
        "a body far too large": wire.too_large,
        "no HTTP": wire.no_http,
        "a header without an end": wire.endless_header,
        "a body that is cut off": wire.cut_off,
        "hangs up while its program runs": partial(wire.hang_up, _EXECUTE, _SLEEPER),
        "hangs up in a session": partial(_hang_up_session, server),
        "a session that begins with data": partial(_session_refused, server, 4003, type="data"),
        "a session in an unknown language": partial(
            _session_refused, server, 4002, **_SLEEPER | {"type": "init", "language": "klingon"}
        ),
    }
    for name, act in acts.items():
        yield Attempt(REQUESTS, name, act)


def _bodies() -> Iterator[tuple[str, bytes, int]]:
    python: dict[str, Any] = {"language": "python", "version": "*"}
    file = {"content": "print(1)"}
    for name, body in {
        "an unknown language": {"language": "klingon", "version": "*", "files": [file]},
        "an impossible version": {"language": "python", "version": "x.y", "files": [file]},
        "no files": python,
        "files that are a number": python | {"files": 7},
        "a name that climbs": python | {"files": [file | {"name": "../../tmp/x"}]},
        "an absolute name": python | {"files": [file | {"name": "/etc/passwd"}]},
        "a NUL in a name": python | {"files": [file | {"name": "a\0b"}]},
        "a name too long": python | {"files": [file | {"name": "x" * 300}]},
        "half a surrogate pair": python | {"files": [{"content": "\ud800"}]},
        "a limit beyond the operator's": python | {"files": [file], "run_timeout": 10**9},
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


def _refused(server: Server, path: str, body: bytes | dict[str, Any], status: int) -> None:
    headers = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
    reply = server.send("POST", path, data=body, headers=headers)
    said = reply.json()
    if reply.status_code != status or len(said) != 1 or "Traceback" in reply.text:
        raise Wrong(f"{reply.status_code} {reply.text[:300]!r} instead of a {status}")


class _Wire:
    """Requests that no library would send."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)

    def too_large(self) -> None:
        head = self._head(_EXECUTE, "application/json", 10**9)
        self._expect(head, b"HTTP/1.1 413 ")

    def no_http(self) -> None:
        self._expect(
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
            b"HTTP/1.1 400 ",
        )

    def endless_header(self) -> None:
        head = b"GET /api/v2/runtimes HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 1_000_000
        self._expect(head, b"HTTP/1.1 4")

    def cut_off(self) -> None:
        with socket.create_connection(self._address, timeout=60) as connection:
            connection.sendall(self._head(_EXECUTE, "application/json", 1000) + b'{"language": "py')

    def hang_up(self, path: str, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        with socket.create_connection(self._address, timeout=60) as connection:
            connection.sendall(self._head(path, "application/json", len(text)) + text)
            time.sleep(_MOMENT)

    @staticmethod
    def _head(path: str, kind: str, length: int) -> bytes:
        return (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def _expect(self, request: bytes, answer: bytes) -> None:
        """Send what is no good request; whoever then sends on may be cut off without an answer."""
        came = b""
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection(self._address, timeout=60) as connection,
        ):
            connection.sendall(request)
            came = connection.recv(4096)
        if came and not came.startswith(answer):
            raise Wrong(f"{came[:300]!r} instead of {answer!r}")


def _hang_up_session(server: Server) -> None:
    with _terminal(server) as terminal:
        terminal.send(json.dumps(_SLEEPER | {"type": "init"}))
        terminal.recv(60)
        time.sleep(_MOMENT)
        terminal.socket.shutdown(socket.SHUT_RDWR)


def _session_refused(server: Server, code: int, **message: Any) -> None:
    with _terminal(server) as terminal, contextlib.suppress(ConnectionClosed):
        terminal.send(json.dumps(message))
        while True:
            terminal.recv(60)
    if terminal.close_code != code:
        raise Wrong(f"closed with {terminal.close_code} instead of {code}")


def _terminal(server: Server) -> Any:
    return connect(
        server.url.replace("http", "ws", 1) + "/api/v2/connect", compression=None, proxy=None
    )


def beside(server: Server, client: docker.APIClient, image: str) -> Iterator[Attempt]:
    """Ask for what can run, and have the engine tell of `image` again and again."""
    known = server.send("GET", "/api/v2/runtimes").json()
    one = threading.Lock()

    def runtimes() -> None:
        told = server.send("GET", "/api/v2/runtimes").json()
        if told != known:
            raise Wrong(f"other runtimes than at the start: {told}")

    def packages() -> None:
        told = server.send("GET", "/api/v2/packages").json()
        installed = {each["language"] for each in told if each["installed"]}
        if not installed:
            raise Wrong("no package is installed any more")

    def rename() -> None:
        with one:
            client.tag(image, "bitrun-soak", "beside")
            client.remove_image("bitrun-soak:beside", noprune=True)

    yield Attempt(BESIDE, "the list of runtimes", runtimes)
    yield Attempt(BESIDE, "the list of packages", packages)
    yield Attempt(BESIDE, "an image gets another name and loses it", rename)
