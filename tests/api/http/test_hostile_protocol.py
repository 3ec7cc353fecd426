"""What is no proper HTTP or WebSocket, and connections that are used as none should be."""

import contextlib
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.hostile import JSON, V1, V2, attack, v2
from tests.support.server import Server
from tests.support.wire import Reply, dial, post, read_reply, talk

pytestmark = pytest.mark.also_engine

HELLO = post(V2, JSON, json.dumps(v2()).encode())
HOST = "Host: localhost\r\n"


@pytest.fixture
def quiet(share: Callable[..., Server]) -> Server:
    return share(max_body=1_000_000)


def lines(first: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([first, *headers, "", body]).encode("latin-1")


def posted(*headers: str, body: str = "") -> bytes:
    return lines(
        f"POST {V2} HTTP/1.1", "Host: localhost", f"Content-Type: {JSON}", *headers, body=body
    )


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        attack("a request of Content-Length and chunks (smuggling)", posted("Content-Length: 4", CHUNKED, body="0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400),
        attack("two Content-Lengths (smuggling)", posted("Content-Length: 0", "Content-Length: 5", body="{}"), 400),
        attack("a Content-Length that is a list", posted("Content-Length: 2, 2", body="{}"), 400),
        attack("a Content-Length that is negative", posted("Content-Length: -1"), 400),
        attack("a Content-Length with a sign", posted("Content-Length: +2", body="{}"), 400),
        attack("a Content-Length in hex", posted("Content-Length: 0x2", body="{}"), 400),
        attack("a Content-Length of another script's digits", posted("Content-Length: \u00b2", body="{}"), 400),
        attack("a Content-Length of 10,000 digits", posted("Content-Length: " + "1" * 8000), 400),
        attack("chunks in chunks (smuggling)", posted("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n"), 400),
        attack("a Transfer-Encoding that nobody knows", posted("Transfer-Encoding: xchunked", body="0\r\n\r\n"), 400),
        attack("a Transfer-Encoding that does not end in chunks", posted("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"), 400),
        attack("a Transfer-Encoding with a space before its colon (smuggling)", posted("Transfer-Encoding : chunked", body="0\r\n\r\n"), 400),
        attack("a Transfer-Encoding folded onto a second line (smuggling)", posted("Transfer-Encoding:\r\n chunked", body="0\r\n\r\n"), 400),
        attack("chunks in HTTP/1.0", lines(f"POST {V2} HTTP/1.0", "Host: localhost", CHUNKED, body="0\r\n\r\n"), 400),
        attack("a chunk whose length is no number", posted(CHUNKED, body="zz\r\n{}\r\n0\r\n\r\n"), 400),
        attack("a chunk whose length is negative", posted(CHUNKED, body="-2\r\n{}\r\n0\r\n\r\n"), 400),
        attack("a chunk whose length has a prefix", posted(CHUNKED, body="0x2\r\n{}\r\n0\r\n\r\n"), 400),
        attack("a chunk whose length has no end", posted(CHUNKED, body="1" * 100_000), 400),
        attack("a chunk longer than its length", posted(CHUNKED, body="2\r\n{}{}\r\n0\r\n\r\n"), 400),
        attack("a chunk shorter than its length", posted(CHUNKED, body="9\r\n{}\r\n0\r\n\r\n"), 400),
        attack("a chunk with an endless extension", posted(CHUNKED, body="2;" + "a" * 100_000), 400),
        attack("a chunk of 2**80 bytes", posted(CHUNKED, body="1" + "0" * 20 + "\r\n{}"), 400),
        attack("chunks with a Content-Length after them", posted(CHUNKED, body="2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"), 400),
        attack("chunks with endless headers after them", posted(CHUNKED, body="2\r\n{}\r\n0\r\n" + "A: b\r\n" * 100_000), 400),
        attack("a header folded onto a second line", posted("A: b\r\n c"), 400),
        attack("a header with a NUL", posted("A: b\0c"), 400),
        attack("a header with a bare CR", posted("A: b\rc"), 400),
        attack("a header that ends in a bare LF (smuggling)", posted("A: b\nContent-Length: 2", body="{}"), 400),
        attack("a header without a colon", posted("A"), 400),
        attack("a header without a name", posted(": b"), 400),
        attack("a header whose name has a space", posted("A B: c"), 400),
        attack("two Host headers", posted("Host: y"), 400),
        attack("two Content-Types", posted("Content-Type: text/plain"), 400),
        attack("200 headers", posted(*(f"A{n}: b" for n in range(200))), 431),
        attack("a header of 10,000 bytes", posted("A: " + "b" * 10_000), 431),
        attack("10 MB of headers", posted(*["A: " + "b" * 8000] * 1250), 431),
        attack("a path of 10,000 bytes", lines("GET /" + "a" * 10_000 + " HTTP/1.1", "Host: localhost"), 414),
        attack("a path with control characters", lines("GET /\x01 HTTP/1.1", "Host: localhost"), 400),
        attack("a path with bytes that are no ASCII", lines("GET /\xff HTTP/1.1", "Host: localhost"), 400),
        attack("a first line of one word", lines("GET"), 400),
        attack("a first line with too many words", lines("GET / HTTP/1.1 x", "Host: localhost"), 400),
        attack("a method in small letters", lines("get / HTTP/1.1", "Host: localhost"), 400),
        attack("a method of 1,000 letters", lines("G" * 1000 + " / HTTP/1.1", "Host: localhost"), 400),
        attack("HTTP/0.9", b"GET /\r\n\r\n", 400),
        attack("HTTP/9.9", lines("GET / HTTP/9.9", "Host: localhost"), 400),
        attack("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        attack("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400),
        attack("a banner of SSH", b"SSH-2.0-OpenSSH_10.0\r\n\r\n", 400),
        attack("an expectation that nobody can meet", posted("Expect: miracles"), 417),
    ],
)  # fmt: skip
def test_what_is_no_http(quiet: Server, sent: bytes, status: int) -> None:
    with dial(quiet) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        replies = read_replies(connection)
    assert len(replies) == 1  # what was smuggled is no request
    reply = replies[0]
    assert reply.status == status, reply
    assert reply.headers["content-type"] == JSON
    assert reply.json["message"]
    assert set(reply.json) <= {"message", "error"}


def read_replies(connection: socket.socket) -> list[Reply]:
    """Read whatever is answered until the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            data += piece
    replies = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
        length = int(headers.get("content-length", 0))
        replies.append(Reply(int(first.split()[1]), headers, data[:length]))
        data = data[length:]
    return replies


@pytest.mark.attack("request", "a method that a path does not know", "405 with what it knows")
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", V1, "OPTIONS, POST"), ("DELETE", V1, "OPTIONS, POST"), ("TRACE", V1, "OPTIONS, POST"),
        ("PUT", V2, "OPTIONS, POST"), ("GET", V2, "OPTIONS, POST"), ("BREW", V2, "OPTIONS, POST"),
        ("POST", "/api/v2/runtimes", "GET, HEAD, OPTIONS"), ("PATCH", "/api/v2/connect", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v2/packages", "DELETE, GET, HEAD, OPTIONS, POST"),
    ],
)  # fmt: skip
def test_methods(quiet: Server, method: str, path: str, allow: str) -> None:
    reply = talk(
        quiet, lines(f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {JSON}")
    )
    assert reply is not None
    assert (reply.status, reply.headers["allow"]) == (405, allow)
    assert list(reply.json.values()) == ["Method Not Allowed"]


@pytest.mark.attack("request", "a path that there is none of, or that climbs", "404")
@pytest.mark.parametrize(
    "path",
    ["/nothing", "/api/v1/", "/api/v1/run/x", "/api/v2/execute/..", "/api/v2/../../etc/passwd",
     "/%2e%2e/%2e%2e/etc/passwd", "/api/v2/%00", "/api/v2/%ff", "/static/x", "/.git/config", "/a" * 1000],
)  # fmt: skip
def test_paths(quiet: Server, path: str) -> None:
    reply = talk(quiet, lines(f"GET {path} HTTP/1.1", "Host: localhost"))
    assert reply is not None
    assert (reply.status, list(reply.json.values())) == (404, ["Not Found"])


@pytest.mark.attack("request", "requests sent before the first was answered", "answered in order")
def test_pipelined(quiet: Server) -> None:
    bodies = [json.dumps(v2(files=[{"content": f"echo {n}"}])).encode() for n in range(3)]
    sent = b"".join(post(V2, JSON, body) for body in bodies)
    with dial(quiet) as connection:
        connection.sendall(
            sent + lines("GET /nothing HTTP/1.1", "Host: localhost", "Connection: close")
        )
        replies = read_replies(connection)
    assert [reply.json["run"]["stdout"] for reply in replies[:-1]] == [f"{n}\n" for n in range(3)]
    assert replies[-1].status == 404


@pytest.mark.attack(
    "request", "connections that are never closed after their reply", "other requests go on"
)
def test_silent_clients(quiet: Server) -> None:
    empty = post(V2, JSON, b"", "Connection: close")
    with contextlib.ExitStack() as stack:
        for sent in (b"GET / HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n", empty) * 10:
            stack.enter_context(dial(quiet)).sendall(sent)
        end = time.monotonic() + 3  # beyond what they are waited for
        while time.monotonic() < end:
            started = time.monotonic()
            reply = talk(quiet, b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reply is not None
            assert reply.status == 404
            assert time.monotonic() - started < 1.5
            time.sleep(0.1)


# Clients that go


@pytest.mark.attack(
    "request", "clients that hang up while they wait for a place", "their places are free at once"
)
def test_hanging_up_in_the_queue(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=1, max_queue=2, queue_timeout=20)
    slow = post(V2, JSON, json.dumps(v2(files=[{"content": "sleep 2; echo slow"}])).encode())
    talk(server, HELLO)
    with dial(server) as first, contextlib.ExitStack() as stack:
        first.sendall(slow)
        time.sleep(0.5)
        for _ in range(2):
            stack.enter_context(dial(server)).sendall(HELLO)
        time.sleep(0.3)
        crowded = talk(server, HELLO)
        assert crowded is not None
        assert crowded.status == 503
        stack.close()
        time.sleep(0.6)
        with dial(server) as next_one:
            next_one.sendall(HELLO)
            reply = read_reply(first)
            assert reply is not None
            assert reply.json["run"]["stdout"] == "slow\n"
            reply = read_reply(next_one)
            assert reply is not None
            assert reply.json["run"]["stdout"] == "ok\n"


@pytest.mark.attack(
    "request",
    "clients that reset the connection amid the reply",
    "nothing is left, other requests go on",
)
def test_hanging_up_in_the_reply(
    serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve()
    script = "yes | head -c 60000; yes | head -c 60000 >&2"
    sent = post(V2, JSON, json.dumps(v2(files=[{"content": script}])).encode())
    for number in range(6):
        with dial(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sendall(sent)
            connection.recv(16)
            if number % 2:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    reply = talk(server, HELLO)
    assert reply is not None
    assert reply.json["run"]["stdout"] == "ok\n"
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request",
    "a burst far beyond all places",
    "503 with Retry-After at once, and true answers to the others",
)
def test_a_burst(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=2, max_queue=3, queue_timeout=20)
    talk(server, HELLO)

    def run(number: int) -> tuple[int, float]:
        content = f"sleep 0.7; echo {number}"
        body = json.dumps(v2(files=[{"content": content}])).encode()
        started = time.monotonic()
        reply = talk(server, post(V2, JSON, body))
        took = time.monotonic() - started
        assert reply is not None
        if reply.status == 503:
            assert reply.json == {"message": "All places are taken. Try again in a moment"}
            assert reply.headers["retry-after"] == "1"
            assert took < 1
        else:
            assert reply.json["run"]["stdout"] == f"{number}\n"
        return reply.status, took

    with ThreadPoolExecutor(24) as pool:
        statuses = Counter(status for status, _ in pool.map(run, range(24)))
    assert set(statuses) == {200, 503}
    assert 5 <= statuses[200] <= 10


# WebSockets


UPGRADE = (
    b"GET /api/v2/connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING, CONTINUED = 1, 2, 8, 9, 0


def frame(
    opcode: int, data: bytes = b"", *, final: bool = True, reserved: int = 0, length: int = -1
) -> bytes:
    """Write a client's frame, whatever is wrong with it."""
    size = len(data) if length < 0 else length
    head = bytes([final << 7 | reserved << 4 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + bytes(4) + data  # a mask of zeros leaves it as it is


@contextlib.contextmanager
def upgraded(server: Server) -> Iterator[socket.socket]:
    with dial(server) as connection:
        connection.sendall(UPGRADE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        yield connection


def close_code(connection: socket.socket) -> int | None:
    """Read frames until the close, and return its code; None for an end without one."""
    stream = connection.makefile("rb")
    with contextlib.suppress(ConnectionError), stream:
        while len(head := stream.read(2)) == 2:
            length = head[1]
            if length == 126:
                (length,) = struct.unpack("!H", stream.read(2))
            data = stream.read(length)
            if head[0] & 15 == CLOSE:
                return int.from_bytes(data[:2])
    return None


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        attack("a WebSocket frame without a mask", b"\x81\x02{}", 1002, outcome="closed with 1002"),
        attack("a WebSocket frame of an opcode that nobody knows", frame(3, b"{}"), 1002, outcome="closed with 1002"),
        attack("a WebSocket frame with reserved bits", frame(TEXT, b"{}", reserved=4), 1002, outcome="closed with 1002"),
        attack("a WebSocket ping of 200 bytes", frame(PING, b"x" * 200), 1002, outcome="closed with 1002"),
        attack("a WebSocket ping in fragments", frame(PING, b"x", final=False), 1002, outcome="closed with 1002"),
        attack("a WebSocket fragment of nothing", frame(CONTINUED, b"x"), 1002, outcome="closed with 1002"),
        attack("a WebSocket message amid another's fragments", frame(TEXT, b"{", final=False) + frame(TEXT, b"}"), 1002, outcome="closed with 1002"),
        attack("a WebSocket goodbye of one byte", frame(CLOSE, b"x"), 1002, outcome="closed with 1002"),
        attack("a WebSocket goodbye with a code that is none", frame(CLOSE, b"\x00\x05"), 1002, outcome="closed with 1002"),
        attack("a WebSocket text that is no UTF-8", frame(TEXT, b"\xff"), 1007, outcome="closed with 1007"),
        attack("a WebSocket frame of 2**63 bytes", frame(TEXT, b"{}", length=1 << 63), 1002, outcome="closed with 1002"),
        attack("a WebSocket frame beyond the limit for bodies", frame(TEXT, length=1 << 40) + b"x" * 1_200_000, 1009, outcome="closed with 1009"),
        attack("a WebSocket message beyond the limit in fragments", frame(TEXT, b"x", final=False) + frame(CONTINUED, b"x" * 60_000, final=False) * 20, 1009, outcome="closed with 1009"),
    ],
)  # fmt: skip
def test_frames(quiet: Server, sent: bytes, code: int, running: bool) -> None:
    with upgraded(quiet) as connection:
        if running:
            body = {"type": "init"} | v2(files=[{"content": "sleep 60"}])
            connection.sendall(frame(TEXT, json.dumps(body).encode()))
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        assert close_code(connection) == code


@pytest.mark.parametrize(
    "flood",
    [
        attack("a flood of WebSocket pings that nobody reads the pongs of", frame(PING, b"x" * 125) * 2000, outcome="ended; other requests go on"),
        attack("a flood of empty WebSocket fragments", frame(TEXT, b"", final=False) + frame(CONTINUED, b"", final=False) * 20_000, outcome="ended; other requests go on"),
        attack("a flood of WebSocket messages of no meaning", frame(TEXT, b"{}") * 20_000, outcome="ended; other requests go on"),
    ],
)  # fmt: skip
def test_floods(quiet: Server, flood: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(upgraded(quiet))
            connection.settimeout(0.2)
            with contextlib.suppress(OSError):
                for _ in range(5):
                    connection.sendall(flood)
        started = time.monotonic()
        reply = talk(quiet, HELLO)
        assert reply is not None
        assert reply.json["run"]["stdout"] == "ok\n"
        assert time.monotonic() - started < 5


@pytest.mark.attack("request", "a WebSocket handshake that is wrong", "426")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Version: 13", b"Version: 7"), (b"Version: 13", b"Version: x"),
        (b"Upgrade: websocket", b"Upgrade: h2c"), (b"Connection: Upgrade", b"Connection: close"),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    ],
)  # fmt: skip
def test_handshakes(quiet: Server, old: bytes, new: bytes) -> None:
    assert old in UPGRADE
    reply = talk(quiet, UPGRADE.replace(old, new))
    assert reply is not None
    assert (reply.status, reply.json) == (426, {"message": "This is a WebSocket: connect with one"})


@pytest.mark.attack(
    "request", "a WebSocket handshake whose token is no base64", "no token, no failure"
)
@pytest.mark.parametrize("protocol", [b"token.\xe9", b"token.!", b"token.", b"token.A", b"," * 500])
def test_tokens_in_handshakes(quiet: Server, protocol: bytes) -> None:
    head = b"Host: localhost\r\nSec-WebSocket-Protocol: " + protocol
    with dial(quiet) as connection:
        connection.sendall(UPGRADE.replace(b"Host: localhost", head))
        reply = connection.recv(4096)
    assert reply.startswith((b"HTTP/1.1 101", b"HTTP/1.1 4")), reply
