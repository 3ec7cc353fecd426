"""Bodies that no client would send: each gets a refusal in the dialect of its API."""

import contextlib
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.hostile import FORM, JSON, KEYS, REFUSED, V1, V2, attack, v1, v2
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN
from tests.support.wire import dial, post, read_reply, talk

pytestmark = pytest.mark.also_engine


@pytest.fixture
def quiet(share: Callable[..., Server]) -> Server:
    return share(run_timeout=1000, v1_timeout=2)


def refused(server: Server, sent: bytes, path: str, status: int = 400) -> str:
    """Send a request, check that it is refused as its API does, and return the sentence."""
    reply = talk(server, sent)
    assert reply is not None
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == JSON
    assert reply.json.keys() - {"detail"} == {KEYS[path]}
    text = reply.json[KEYS[path]]
    assert text
    assert "Traceback" not in text
    return str(text)


# What is no JSON, or none that fits


@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize(
    "body",
    [
        attack("JSON that is cut off", b'{"language": "bash", "files": [{'),
        attack("JSON arrays nested 200,000 deep", b"[" * 200_000),
        attack("JSON objects nested 100,000 deep", b'{"a":' * 100_000),
        attack("JSON in UTF-16", json.dumps(v1() | v2()).encode("utf-16")),
        attack("JSON that is no UTF-8", b'{"filename": "\xff\xfe"}'),
        attack("JSON with an encoded surrogate", b'{"filename": "\xed\xa0\x80"}'),
        attack("a number that is NaN", b'{"run_timeout": NaN}'),
        attack("a number that is Infinity", b'{"run_timeout": -Infinity}'),
        attack("a number of a million digits", b'{"run_timeout": 1' + b"0" * 1_000_000 + b"}"),
        attack("JSON followed by more", b"{} {}"),
        attack("a JSON array, string, number or null for an object", b"null"),
        attack("a body of NULs", b"\0" * 100_000),
        attack("an empty body", b""),
    ],
)
def test_what_is_no_request(quiet: Server, path: str, body: bytes) -> None:
    refused(quiet, post(path, JSON, body), path)


NUMBERS = ["1e999", "-1e999", "NaN", str(2**70), str(-(2**70)), "1e308", "-1", '"1"', "[1]", "true"]


@pytest.mark.attack("request", "numbers out of range: 1e999, NaN, 2**70, negative", REFUSED)
@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_out_of_range(quiet: Server, number: str) -> None:
    for name in ("run_timeout", "compile_timeout", "run_cpu_time", "compile_cpu_time"):
        body = json.dumps(v2(**{name: "?"})).replace('"?"', number)
        refused(quiet, post(V2, JSON, body.encode()), V2)
    if number != "-1":  # which means no limit but the configured one
        for name in ("run_memory_limit", "compile_memory_limit"):
            body = json.dumps(v2(**{name: "?"})).replace('"?"', number)
            refused(quiet, post(V2, JSON, body.encode()), V2)
    body = json.dumps(v1(memory_limit="?")).replace('"?"', number)
    refused(quiet, post(V1, JSON, body.encode()), V1)


@pytest.mark.attack("request", "numbers that are none: -0, 1e-999", "no limit is lifted by them")
@pytest.mark.parametrize("number", ["-0", "-0.0", "1e-999"])
def test_numbers_that_are_nothing(quiet: Server, number: str) -> None:
    content = "sleep 5"
    body = json.dumps(v2(files=[{"content": content}], run_timeout="?")).replace('"?"', number)
    reply = talk(quiet, post(V2, JSON, body.encode()))
    assert reply is not None
    assert reply.json["run"]["status"] == "TO"


@pytest.mark.parametrize(
    "fields",
    [
        attack("text where a file's content holds half a surrogate pair", {"files": [{"content": "\ud800"}]}),
        attack("a file's name with half a surrogate pair", {"files": [{"content": "", "name": "a\udfff"}]}),
        attack("stdin with half a surrogate pair", {"stdin": "\ud800"}),
        attack("an argument with half a surrogate pair", {"args": ["\ud800"]}),
        attack("an argument with a NUL", {"args": ["a\0b"]}),
        attack("a file's name with a NUL", {"files": [{"content": "", "name": "a\0b"}]}),
        attack("files of the wrong types", {"files": [[[]]]}),
        attack("a name that climbs out of the directory", {"files": [{"content": "", "name": "a/../../b"}]}),
        attack("an absolute name", {"files": [{"content": "", "name": "/etc/passwd"}]}),
        attack("a name longer than a path may be", {"files": [{"content": "", "name": "a/" * 2100 + "a"}]}),
        attack("a name longer than a file's may be", {"files": [{"content": "", "name": "é" * 128}]}),
        attack("a name that is a directory of another's", {"files": [{"content": "", "name": name} for name in ("a/b", "a")]}),
        attack("a name below another file's", {"files": [{"content": "", "name": name} for name in ("a", "a/b")]}),
        attack("a name below a duplicate", {"files": [{"content": "", "name": name} for name in ("a", "a", "./a/b")]}),
        attack("a content that is no base64", {"files": [{"content": ""}, {"content": "!", "encoding": "base64"}]}),
        attack("half a million files", {"files": [{"content": ""}] * 500_000}),
        attack("as many files as the directory can't hold", {"files": [{"content": ""}] * 4096}),
        attack("a folder in a folder, 2,000 deep, three times", {"files": [{"content": "", "name": f"{n}/" * 2000 + "x"} for n in "abc"]}),
        attack("200,000 arguments", {"args": ["x"] * 200_000}),
        attack("an argument of 1 MB", {"args": ["x" * 1_000_000]}),
        attack("a version of 1 MB", {"version": "*" * 1_000_000}),
        attack("a language of 1 MB", {"language": "x" * 1_000_000}),
        attack("a version that is costly to understand", {"version": " ".join([">=1.2.3-a.b.c"] * 20_000)}),
    ],
)  # fmt: skip
def test_what_no_job_can_be_made_of(quiet: Server, fields: dict[str, Any]) -> None:
    started = time.monotonic()
    refused(quiet, post(V2, JSON, json.dumps(v2(**fields)).encode()), V2)
    assert time.monotonic() - started < 20


@pytest.mark.attack("request", "two files of one name", "the last one counts")
def test_a_duplicate(quiet: Server) -> None:
    files = [
        {"content": f"echo {n}", "name": name} for n, name in enumerate(["a", "./a", "b/../a"])
    ]
    reply = talk(quiet, post(V2, JSON, json.dumps(v2(files=files)).encode()))
    assert reply is not None
    assert reply.json["run"]["stdout"] == "2\n"


# v1's forms


def part(name: str, content: str, *headers: str) -> str:
    lines = ["--x", f'Content-Disposition: form-data; name="{name}"', *headers, "", content]
    return "\r\n".join(lines) + "\r\n"


GOOD = part("filename", "a.sh") + part("content", "echo ok")
NESTED = part(
    "content", GOOD.replace("--x", "--y") + "--y--", "Content-Type: multipart/mixed; boundary=y"
)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        attack("multipart without a boundary", "multipart/form-data", GOOD + "--x--", 400),
        attack("multipart with an empty boundary", "multipart/form-data; boundary=", GOOD, 400),
        attack("multipart with a boundary of 8,000 signs", f"multipart/form-data; boundary={'x' * 8000}", GOOD, 400),
        attack("multipart with another boundary", "multipart/form-data; boundary=z", GOOD + "--x--", 400),
        attack("multipart that is cut off", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=", 400),
        attack("multipart in multipart", "multipart/form-data; boundary=x", NESTED + "--x--", 400),
        attack("multipart of one part with 1 MB of headers", "multipart/form-data; boundary=x", part("filename", "a.sh", *("A: b" for _ in range(150_000))), 400),
        attack("multipart of one header of 1 MB", "multipart/form-data; boundary=x", part("filename", "a.sh", "A: " + "b" * 1_000_000), 400),
        attack("multipart of 50,000 parts", "multipart/form-data; boundary=x", part("a", "") * 50_000 + "--x--", 400),
        attack("multipart with a nameless part only", "multipart/form-data; boundary=x", "--x\r\n\r\na\r\n--x--", 400),
        attack("a form of 100,000 fields", FORM, "a&" * 100_000, 400),
        attack("a form that is no percent encoding", FORM, "filename=%zz&content=%", 400),
        attack("a form whose file name climbs", FORM, "filename=../a.sh&content=x", 400),
        attack("a form whose file name is absolute", FORM, "filename=/a.sh&content=x", 400),
        attack("a form whose file name holds a NUL", FORM, "filename=a%00.sh&content=x", 400),
        attack("a form whose file name is no UTF-8", FORM, "filename=%ff.sh&content=x", 400),
        attack("a form whose variable holds a NUL", FORM, "filename=a.sh&content=x&env=A=%00", 400),
        attack("a form with 2,000 variables", FORM, "filename=a.sh&content=x&env=" + "%0A".join(f"A{n}=" for n in range(2000)), 400),
        attack("a form of a type that nobody knows", "application/x-tar", GOOD, 400),
    ],
)  # fmt: skip
def test_forms(quiet: Server, kind: str, body: str, status: int) -> None:
    refused(quiet, post(V1, kind, body.encode()), V1, status)


@pytest.mark.attack("request", "a Piston request of another type than JSON", "refused with 415")
@pytest.mark.parametrize("kind", ["text/plain", FORM, "multipart/mixed; boundary=x", "", "a" * 999])
def test_types(quiet: Server, kind: str) -> None:
    refused(quiet, post(V2, kind, json.dumps(v2()).encode()), V2, 415)


# Bodies that are too large, cut off, or slow


@pytest.mark.attack(
    "request", "a body above the limit, with or without a Content-Length", "refused with 413"
)
@pytest.mark.parametrize("path", [V1, V2])
def test_too_large(quiet: Server, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
    for length in (10_000_001, 2**31, 2**63, 2**70):
        refused(quiet, f"{head}Content-Length: {length}\r\n\r\n".encode(), path, 413)
    with dial(quiet) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(10_000_000 // 0x10000 + 1):
            connection.sendall(piece)
        reply = read_reply(connection)
    assert reply is not None
    sentence = "The request is too large: it has more than 10000000 bytes, and may have 10000000"
    assert (reply.status, reply.json) == (413, {KEYS[path]: sentence})


@pytest.mark.attack("request", "a body that is cut off", REFUSED)
@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_cut_off(quiet: Server, path: str, framing: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n{framing}\r\n\r\n"
    with dial(quiet) as connection:
        connection.sendall(head.encode() + b'10\r\n{"language": "b')
        connection.shutdown(socket.SHUT_WR)
        reply = read_reply(connection)
    assert reply is not None
    assert (reply.status, list(reply.json)) == (400, [KEYS[path]])


@pytest.mark.chaos
@pytest.mark.attack(
    "request",
    "headers or a body sent a byte now and then",
    "given up after 10 s a piece, or 10 s for all headers",
)
def test_slow(quiet: Server) -> None:
    def drip(sent: bytes) -> tuple[float, bool]:
        """Send a byte a second until the other end has enough; whether it answered."""
        with dial(quiet, 30) as connection:
            started = time.monotonic()
            connection.sendall(sent)
            connection.settimeout(1)
            while time.monotonic() - started < 30:
                try:
                    reply = connection.recv(4096)
                except TimeoutError:
                    if sent.endswith(b": "):
                        connection.sendall(b"x")
                    continue
                except ConnectionError:
                    reply = b""
                return time.monotonic() - started, b"HTTP/1.1 400" in reply
        return 30, False

    body = f"Host: localhost\r\nContent-Type: {JSON}\r\nContent-Length: 100\r\n\r\n{{".encode()
    sent = [
        b"POST " + V1.encode() + b" HTTP/1.1\r\n" + body,
        b"POST " + V2.encode() + b" HTTP/1.1\r\n" + body,
        b"GET / HTTP/1.1\r\nA: ",
    ]
    with ThreadPoolExecutor(len(sent)) as pool:
        results = list(pool.map(drip, sent))
    assert all(9 < seconds < 14 for seconds, _ in results), results
    assert [answered for _, answered in results][:2] == [True, True]


@pytest.mark.attack(
    "request", "a few large bodies of one client that come slowly", "other clients are served"
)
def test_one_client_keeps_nobody_out(share: Callable[..., Server]) -> None:
    server = share(
        api_tokens=RUN, admin_tokens=ADMIN, max_body=50_000, body_memory=1_048_576, queue_timeout=1
    )
    head = f"Host: localhost\r\nAuthorization: {RUN}\r\nContent-Type: {JSON}\r\n"
    with contextlib.ExitStack() as held:
        for size in (50_000, 50_000, 4_850):  # each takes ten times as much
            slow = held.enter_context(dial(server))
            slow.sendall(f"POST {V2} HTTP/1.1\r\n{head}Content-Length: {size}\r\n\r\n{{".encode())
        time.sleep(0.5)
        reply = talk(server, post(V2, JSON, json.dumps(v2()).encode(), f"Authorization: {ADMIN}"))
    assert reply is not None
    assert reply.status == 200, reply.body


@pytest.mark.chaos
@pytest.mark.attack(
    "request", "a body of which a byte comes every five seconds", "given up after a minute"
)
def test_slow_for_ever(quiet: Server) -> None:
    head = f"POST {V2} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\nContent-Length: 99\r\n\r\n"
    with dial(quiet) as connection:
        started = time.monotonic()
        connection.sendall(head.encode())
        connection.settimeout(5)
        reply = b""
        while not reply and time.monotonic() - started < 90:
            with contextlib.suppress(TimeoutError):
                connection.sendall(b" ")
                reply = connection.recv(4096)
    assert reply.startswith(b"HTTP/1.1 400")
    assert 59 < time.monotonic() - started < 75


# Nothing is left, and nothing was logged as our fault


def test_the_service_is_well_after_all_this(
    serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]
) -> None:
    """A few of each kind again, in a service whose log can be read."""
    server = serve()
    for body in (b"[" * 200_000, b"\0", b'{"a": 1e999}', b"\xff"):
        for path in (V1, V2):
            refused(server, post(path, JSON, body), path)
    head = f"POST {V2} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
    for rest in ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Content-Length: 9\r\n\r\n"):
        with dial(server) as connection:
            connection.sendall((head + rest).encode())
            connection.shutdown(socket.SHUT_WR)
            reply = read_reply(connection)
            assert reply is not None
            assert reply.status == 400
    good = talk(server, post(V2, JSON, json.dumps(v2()).encode()))
    assert good is not None
    assert good.json["run"]["stdout"] == "ok\n"
    log = capfd.readouterr().err
    assert "Traceback" not in log
    assert "[ERROR]" not in log
