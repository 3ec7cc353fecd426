"""Piston v2: what holds for every reply, and the runtimes."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bitrun import __version__
from tests.support.piston import (
    PREFIXES,
    call,
    execute,
    message,
    package,
    request,
    run,
    write_catalogue,
)
from tests.support.server import Server

REQUIRED = "language is required as a string"
ECHO = request("bash", "echo hi")


def test_the_root_names_the_service(server: Server) -> None:
    response = server.get("/")
    assert (response.status_code, message(response)) == (200, f"BitRun v{__version__}")


@pytest.mark.also_engine
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_prefixes_with_and_without_a_slash(server: Server, prefix: str, slash: str) -> None:
    for path in ("runtimes", "packages"):
        response = call(server, "GET", f"{prefix}/{path}{slash}", allow_redirects=False)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        assert isinstance(response.json(), list)
    response = call(server, "POST", f"{prefix}/execute{slash}", ECHO, allow_redirects=False)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["run"]["stdout"] == "hi\n"


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/nothing", "/execute/nothing", "/", ""])
def test_an_unknown_path(server: Server, prefix: str, method: str, path: str) -> None:
    response = call(server, method, prefix + path, {})
    assert (response.status_code, message(response)) == (404, "Not Found")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "execute", "OPTIONS, POST"),
        ("PUT", "execute", "OPTIONS, POST"),
        ("DELETE", "execute", "OPTIONS, POST"),
        ("POST", "runtimes", "GET, HEAD, OPTIONS"),
        ("DELETE", "runtimes", "GET, HEAD, OPTIONS"),
        ("PATCH", "packages", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("POST", "connect", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method(server: Server, prefix: str, method: str, path: str, allow: str) -> None:
    response = call(server, method, f"{prefix}/{path}", {})
    assert (response.status_code, message(response)) == (405, "Method Not Allowed")
    assert response.headers["Allow"] == allow


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["execute", "packages", "runtimes", "connect", "nothing"])
def test_only_json_is_taken(server: Server, prefix: str, method: str, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/application/json", None):
        response = call(
            server, method, f"{prefix}/{path}", data=b"{}", headers={"Content-Type": kind}
        )
        expected = (415, "requests must be of type application/json")
        assert (response.status_code, message(response)) == expected


def test_what_starts_as_json_is_taken(server: Server) -> None:
    for kind in (
        "application/json",
        "application/json; charset=utf-8",
        "application/json-patch+json",
    ):
        response = call(server, "POST", "/api/v2/execute", b"{}", headers={"Content-Type": kind})
        assert (response.status_code, message(response)) == (400, REQUIRED)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_has_no_body_needs_no_type(server: Server, method: str) -> None:
    response = call(server, method, "/api/v2/runtimes", data=b"x", headers={"Content-Type": "a/b"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "The body is no JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b'{"language": "a",\n}', "The body is no JSON: Illegal trailing comma"),
        (b"language=python", "The body is no JSON: Expecting value at line 1, column 1"),
        (b'{"a": 1} x', "The body is no JSON: Extra data at line 1, column 10"),
        (b'{"a": NaN}', "The body is no JSON: NaN is no number of it"),
        (b'{"a": -Infinity}', "The body is no JSON: -Infinity is no number of it"),
        (b'{"a": "\xff"}', "The body is no UTF-8 at byte 7"),
        (b"[" * 100_000, "The body is nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "The body holds a number that is too long"),
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_a_body_that_is_no_json(server: Server, body: bytes, text: str) -> None:
    for path in ("execute", "packages"):
        response = call(server, "POST", f"/api/v2/{path}", body)
        assert response.status_code == 400
        # Python words one of them anew in 3.13.
        assert text in message(response) or "trailing comma" in text
        assert "/" not in message(response)


@pytest.mark.parametrize("body", [b"", b" \n", b"[]", b'"language"', b"1", b"true", b"null", b"{}"])
def test_what_is_no_object_is_an_empty_request(server: Server, body: bytes) -> None:
    response = execute(server, body)
    assert (response.status_code, message(response)) == (400, REQUIRED)
    assert response.json()["detail"].startswith("The request has no fields: send a JSON object")


def test_a_byte_order_mark_is_no_fault(server: Server) -> None:
    response = execute(server, "\ufeff{}".encode())
    assert (response.status_code, message(response)) == (400, REQUIRED)


def test_a_body_over_the_limit(serve: Callable[..., Server]) -> None:
    server = serve(max_body=1000)
    fitting = request("bash", "true #" + "x" * 800)
    assert execute(server, fitting).status_code == 200

    def in_chunks() -> Iterator[bytes]:
        yield from [b"x" * 600] * 2

    for path in ("execute", "packages"):
        for body in (request("bash", "x" * 2000), b"x" * 1001):
            response = call(server, "POST", f"/api/v2/{path}", body)
            size = response.request.headers["Content-Length"]
            expected = f"The request is too large: it has {size} bytes, and may have 1000"
            assert (response.status_code, message(response)) == (413, expected)
        response = call(
            server, "POST", f"/api/v2/{path}", data=in_chunks(),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        expected = "The request is too large: it has more than 1000 bytes, and may have 1000"
        assert (response.status_code, message(response)) == (413, expected)


def test_bodies_of_megabytes_are_fine(server: Server) -> None:
    """Piston refuses more than 100 kB."""
    content = "wc -c <$0; exit\n" + "x" * 5_000_000
    assert run(server, "bash", content)["stdout"] == f"{len(content)}\n"


def test_an_engine_that_is_down(serve_without_engine: Callable[..., Server]) -> None:
    server = serve_without_engine()
    python = {"language": "python", "version": "3.x"}
    for response in (
        call(server, "GET", "/api/v2/runtimes"),
        call(server, "GET", "/api/v2/packages"),
        call(server, "POST", "/api/v2/packages", python),
        call(server, "DELETE", "/api/v2/packages", python),
        execute(server, ECHO),
    ):
        expected = (503, "The Docker engine does not answer. Try again later")
        assert (response.status_code, message(response)) == expected
    assert message(execute(server, b"")) == REQUIRED


@pytest.mark.also_engine
def test_no_room(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=1, max_queue=0)
    with ThreadPoolExecutor(4) as pool:
        sleepers = pool.map(lambda _: execute(server, request("bash", "sleep 1")), range(4))
        done, *refused = sorted(sleepers, key=lambda response: response.status_code)
    assert done.json()["run"]["status"] is None
    for response in refused:
        assert message(response) == "All places are taken. Try again in a moment"
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert run(server, "bash", "echo hi")["stdout"] == "hi\n"


# GET /runtimes


def runtimes(server: Server) -> list[dict[str, Any]]:
    found = call(server, "GET", "/api/v2/runtimes").json()
    assert isinstance(found, list)
    return found


@pytest.mark.also_engine
def test_runtimes(server: Server) -> None:
    found = runtimes(server)
    for runtime in found:
        optional = {"runtime", "compile_args"}
        assert runtime.keys() - optional == {"language", "version", "aliases", "limits"}
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", runtime["version"])
        assert runtime.get("runtime", "x") is not None
    by_name = {runtime["language"]: runtime for runtime in reversed(found)}
    python = by_name["python"]
    assert python["version"].startswith("3.")
    assert "py" in python["aliases"]
    assert "runtime" not in python
    assert "compile_args" not in python
    for name in ("c", "c++"):
        assert by_name[name]["runtime"] == "gcc"
        assert re.fullmatch(by_name[name]["compile_args"], "-std=c++17")
    assert by_name["c"]["version"] == by_name["c++"]["version"]


@pytest.mark.also_engine
def test_runtimes_have_their_limits(server: Server) -> None:
    limits = {runtime["language"]: runtime["limits"] for runtime in runtimes(server)}
    assert limits["python"] == {
        "run_memory_limit": {"default": 256 << 20, "maximum": 256 << 20},
        "run_timeout": {"default": 3000, "maximum": 3000},
        "run_cpu_time": {"default": 3000, "maximum": 3000},
        "run_output_limit": {"default": 65536, "maximum": 8 << 20},
        "run_stack_limit": {"default": 256 << 20, "maximum": 256 << 20},
        "run_process_limit": {"default": 64, "maximum": 256},
    }
    assert limits["c"].keys() - limits["python"].keys() == {
        name.replace("run_", "compile_") for name in limits["python"]
    }


@pytest.mark.also_engine
def test_only_what_is_installed_is_a_runtime(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(
        languages=write_catalogue(
            tmp_path,
            package("shell", "bash", aliases=["s", "S.2"]),
            package("missing", "test-v2-missing"),
        )
    )
    version = next(
        each["language_version"]
        for each in call(server, "GET", "/api/v2/packages").json()
        if each["language"] == "shell"
    )
    expected = [{"language": "shell", "version": version, "aliases": ["s", "S.2"]}]
    found = runtimes(server)
    for runtime in found:
        del runtime["limits"]
    assert found == expected
