"""Random requests at every route: none of them may make the service fail."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from bitrun.api import dialects
from bitrun.api.app import create_app
from bitrun.config.settings import DIALECTS, Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support.piston import package, request, write_catalogue
from tests.support.sandboxes import sandbox
from tests.support.server import Server

pytestmark = pytest.mark.engine


def examples(count: int) -> Callable[[Any], Any]:
    """Take the same examples every time, and no more than that."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


ROUTES = sorted(
    {
        (method, rule.rule)
        for rule in create_app(
            Service(configuration.read(Settings(dialects=DIALECTS)))
        ).url_map.iter_rules()
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", *(rule.methods or ()))
    }
)

texts = st.text(max_size=30) | st.sampled_from(["\ud800", "a\udfff", "\0", "x" * 5000, "../x", "é"])
numbers = st.integers() | st.floats(allow_nan=False) | st.integers(-(10**400), 10**400)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Give what fits, and one time in five or so whatever there is."""
    return st.one_of(strategy, strategy, strategy, strategy, values)


files = st.fixed_dictionaries(
    {"content": st.sampled_from(["echo ok", "cat", "6f6b", "b2s=", ""])},
    optional={
        "name": st.sampled_from(["a", "a/b", "b/../a", "é", "-", "", None])
        | st.sampled_from(["..", ".", "/a", "a\0", "\ud800", "x" * 300])
        | values,
        "encoding": st.sampled_from(["utf8", "hex", "base64", "", None]),
    },
)
limits = {
    f"{stage}_{kind}": st.sampled_from(
        [0, 400, None, "", 10**7][: 5 if kind == "memory_limit" else 4]
    )
    for stage in ("compile", "run")
    for kind in ("timeout", "cpu_time", "memory_limit")
}
valid = st.fixed_dictionaries(
    {
        "language": st.sampled_from(["bash", "sh"]),
        "version": st.sampled_from(["*", "5", " ", ">=1 <9"]),
        "files": st.lists(files, max_size=2).map(lambda more: [{"content": "cat"}, *more]),
    },
    optional={"stdin": texts, "args": st.lists(numbers | texts, max_size=3), **limits},
)
fields = ["language", "version", "files", "stdin", "args", *limits]
faults = st.dictionaries(st.sampled_from(fields), values, min_size=1, max_size=2)
faulty = st.builds(lambda body, fault: body | fault, valid, faults)
bodies = valid | faulty

raw = st.binary(max_size=300) | st.sampled_from(
    [b"{", b'{"a":' * 3000, b"--x\r\n\r\n", b"\xff\xfe", b"%", b"a=%ff&content=%00", b"[1e999]"]
)
kinds = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-7",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain;charset=UTF-8",
        "\u00e9;;=",
        "",
    ]
)
anything = st.one_of(
    raw, values.map(json.dumps).map(str.encode), bodies.map(json.dumps).map(str.encode)
)


def checked(response: requests.Response) -> requests.Response:
    """Look for what no reply may hold."""
    assert "Traceback" not in response.text
    assert "site-packages" not in response.text
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert response.json().keys() & {dialect.errors.key for dialect in dialects.DIALECTS}
    return response


@pytest.fixture
def nothing_installed(serve: Callable[..., Server], tmp_path: Path) -> Server:
    """A service whose packages can be neither installed nor removed."""
    languages = write_catalogue(tmp_path, package("tool", "test-v2-random"))
    return serve(languages=languages, images=tmp_path, dialects=",".join(DIALECTS))


@pytest.mark.attack(
    "request", "400 random requests at every route", "never a failure of the service"
)
def test_any_body_at_any_route(
    nothing_installed: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    url = nothing_installed.url

    @examples(400)
    @given(route=st.sampled_from(ROUTES), query=st.binary(max_size=20), kind=kinds, body=anything)
    def check(route: tuple[str, str], query: bytes, kind: str, body: bytes) -> None:
        method, path = route
        path = f"{path}?{quote(query)}" if query else path
        headers = {"Content-Type": kind.encode()}
        response = checked(
            requests.request(method, url + path, data=body, headers=headers, timeout=60)
        )
        if response.status_code >= 500 and route[1] != "/readyz":
            assert route[1].endswith("/packages"), response.text
            text = response.json()["message"]
            assert "is not installed" in text or "source of an image" in text

    check()
    assert "Traceback" not in capfd.readouterr().err


def test_packages(nothing_installed: Server, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{nothing_installed.url}/api/v2/packages"
    package_bodies = st.fixed_dictionaries(
        {},
        optional={
            "language": mostly(st.sampled_from(["tool", "Tool", ""])),
            "version": mostly(st.sampled_from(["*", "0.0.0", "x", "", "1"]) | texts),
        },
    )

    @examples(150)
    @given(method=st.sampled_from(["POST", "DELETE"]), body=package_bodies)
    def check(method: str, body: dict[str, Any]) -> None:
        headers = {"Origin": nothing_installed.url}
        response = checked(requests.request(method, url, json=body, headers=headers, timeout=60))
        assert response.status_code in (404, 500)
        if response.status_code == 500:
            assert body["language"] == "tool"

    check()
    assert "site-packages" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "275 random Piston requests, nearly right", "answered or refused with 400"
)
def test_execute(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(run_timeout=500).url}/api/v2/execute"
    seen: Counter[int] = Counter()

    def check(body: dict[str, Any]) -> None:
        response = checked(
            requests.post(
                url,
                data=json.dumps(body),
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
        )
        assert response.status_code in (200, 400), response.text
        seen[response.status_code] += 1

    examples(25)(given(body=valid)(check))()
    examples(250)(given(body=faulty)(check))()
    assert seen[200] > 15, seen
    assert seen[400] > 100, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request",
    "120 random requests to a sandbox, nearly right",
    "answered or refused; the sandbox lives on",
)
def test_sandboxes(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    words = st.sampled_from(["echo ok", "cat", "exit 3", "kill -9 $$"])
    commands = st.fixed_dictionaries(
        {"command": mostly(words | st.lists(words, min_size=1, max_size=3))},
        optional={
            "stdin": mostly(texts),
            "cwd": mostly(st.sampled_from(["/tmp", ".", "none", ""])),
            "env": mostly(st.dictionaries(st.sampled_from(["A", "A B", ""]), texts, max_size=2)),
            "timeout": mostly(st.sampled_from([300, 0, 10**9])),
            "output_limit": mostly(st.sampled_from([9, 65536, -1])),
        },
    )
    paths = texts.filter(bool) | st.sampled_from(["a", "a/b", "a/../../b", ".", "a/"])
    seen: Counter[int] = Counter()
    with sandbox(serve(sandbox_timeout=500)) as box:

        def check(method: str, path: str, **sent: Any) -> None:
            response = box.call(method, path, **sent)
            if "octet" not in response.headers["Content-Type"]:
                checked(response)
            assert response.status_code in (200, 400, 404, 405, 414), response.text
            seen[response.status_code] += 1

        @examples(40)
        @given(body=commands)
        def execute(body: dict[str, Any]) -> None:
            check("POST", "/exec", data=json.dumps(body))

        @examples(20)
        @given(body=bodies)
        def run(body: dict[str, Any]) -> None:
            check("POST", "/run", data=json.dumps(body))

        @examples(60)
        @given(method=st.sampled_from(["GET", "PUT", "DELETE"]), path=paths, body=raw)
        def use_files(method: str, path: str, body: bytes) -> None:
            name = quote(path.encode("utf-8", "surrogatepass"))
            check(method, f"/files/{name}", data=body if method == "PUT" else None)

        for each in (execute, run, use_files):
            each()
        assert box.sh("echo on") == "on\n"
    assert seen[200] > 15, seen
    assert seen[400] > 15, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "140 random v1 requests, nearly right", "answered or refused with 400"
)
def test_v1(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(v1_timeout=0.5).url}/api/v1/run"
    some = st.binary(max_size=30)
    fields = st.fixed_dictionaries(
        {
            "filename": st.sampled_from([b"a.sh"] * 6 + [b"a.xyz", b"a.s\xff"]) | some,
            "content": st.sampled_from([b"echo ok", b"cat", b"\xff"]) | some,
        },
        optional={
            "input": some,
            "command": st.sampled_from([b"cat a.sh", b"true"]) | some,
            "env": st.sampled_from([b"A=1", b"A=\xff\nB=2"]) | some,
            "memory_limit": st.sampled_from([b"64000000", b"-1", b"1" * 30]) | some,
            "image": st.sampled_from([b"bitrun/bash", b""]) | some,
            "clean": some,
            "api_token": some,
            "other": some,
        },
    )
    seen: Counter[int] = Counter()

    names = ["filename", "content", "input", "command", "env", "image", "memory_limit", "clean"]
    program = {"filename": "a.sh", "content": "cat"}
    json_bodies = st.dictionaries(st.sampled_from(names), texts | values, min_size=1, max_size=2)

    def check(how: str, sent: object) -> None:
        options: dict[str, Any] = {how: sent}
        if how == "json":
            headers = {"Content-Type": "application/json"}
            options = {"data": json.dumps(sent), "headers": headers}
        response = checked(requests.post(url, timeout=60, **options))
        assert response.status_code in (200, 400), response.text
        seen[response.status_code] += 1

    forms = st.sampled_from(["data", "files", "params"])
    examples(70)(given(how=forms, sent=fields)(check))()
    bodies = json_bodies.map(lambda body: program | body)
    examples(70)(given(how=st.just("json"), sent=bodies)(check))()
    assert min(seen[200], seen[400]) > 20, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "115 random codapi requests, nearly right", "answered or refused with 400 or 404"
)
def test_codapi(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(dialects='codapi', run_timeout=500).url}/codapi/v1/exec"
    contents = st.sampled_from(["echo ok", "data:;base64,b2s=", "data:,%6f"])
    names = st.sampled_from(["", "a", "a/b", "é"])
    valid = st.fixed_dictionaries(
        {
            "sandbox": st.sampled_from(["bash", "sh"]),
            "files": st.dictionaries(names, contents, min_size=1),
        },
        optional={"version": st.sampled_from(["", "*", "5"]), "command": st.just("run")},
    )
    files = st.dictionaries(names | texts, contents | values, max_size=3)
    faults = st.fixed_dictionaries(
        {},
        optional={
            "sandbox": texts | values,
            "version": texts | values,
            "command": texts | values,
            "files": files | values,
        },
    )
    faulty = st.builds(lambda body, fault: body | fault, valid, faults)
    seen: Counter[int] = Counter()

    def check(body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        response = checked(requests.post(url, data=json.dumps(body), headers=headers, timeout=60))
        assert response.status_code in (200, 400, 404), response.text
        seen[response.status_code] += 1

    examples(15)(given(body=valid)(check))()
    examples(100)(given(body=faulty)(check))()
    assert min(seen[200], seen[400], seen[404]) > 5, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "200 random SandboxFusion requests, nearly right", "answered or refused with 400"
)
def test_sandboxfusion(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(dialects='sandboxfusion', run_timeout=500).url}/sandboxfusion"
    program: dict[str, Any] = {
        "language": "bash",
        "code": "cat",
        "stdin": "a",
        "files": {"a": "b2s="},
    }
    program |= {"fetch_files": ["a"], "run_timeout": 5, "compile_timeout": 5, "memory_limit_MB": 64}
    case = {"input": {"stdin": "a"}, "output": {"stdout": "a"}}
    config: dict[str, Any] = {"dataset_type": "CommonOJDataset", "language": "bash", "extra": {}}
    config |= {"provided_data": {"test": [case]}, "run_timeout": 5}
    submission = {"dataset": "x", "id": 1, "completion": "```sh\ncat\n```", "config": config}
    notebook: dict[str, Any] = {"cells": ["1"], "total_timeout": 5, "files": {}, "fetch_files": []}
    seen: Counter[int] = Counter()

    def with_fault(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        changes = st.dictionaries(st.sampled_from(sorted(whole)), texts | values, max_size=2)
        return changes.map(lambda change: whole | change)

    def check(path: str, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        response = checked(
            requests.post(f"{url}/{path}", data=json.dumps(body), headers=headers, timeout=60)
        )
        assert response.status_code in (200, 400), response.text
        seen[response.status_code] += 1

    cases = st.lists(mostly(st.just(case)) | with_fault(case), max_size=2)
    data = st.fixed_dictionaries({"test": cases | values})
    configs = with_fault(config) | data.map(lambda found: config | {"provided_data": found})
    submissions = configs.map(lambda found: submission | {"config": found})
    examples(75)(given(path=st.just("run_code"), body=with_fault(program))(check))()
    examples(75)(given(path=st.just("submit"), body=with_fault(submission) | submissions)(check))()
    examples(50)(given(path=st.just("run_jupyter"), body=with_fault(notebook))(check))()
    assert min(seen[200], seen[400]) > 15, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "75 random Dify requests, nearly right", "answered or refused with a sentence"
)
def test_dify(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(dialects='dify', run_timeout=500).url}/dify/v1/sandbox/run"
    program = {"language": "python3", "code": "print(1)", "preload": "x = 1"}
    faults = st.dictionaries(st.sampled_from(sorted(program)), texts | values, max_size=2)
    seen: Counter[int] = Counter()

    @examples(75)
    @given(fault=faults)
    def check(fault: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(program | fault)
        response = requests.post(url, data=body, headers=headers, timeout=60)
        assert response.status_code == 200, response.text
        assert "site-packages" not in response.text  # a traceback may be that of the program
        seen[response.json()["code"]] += 1

    check()
    assert min(seen[0], seen[-1]) > 5, seen
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.attack(
    "request", "160 random LibreChat requests, nearly right", "answered or refused with a sentence"
)
def test_librechat(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{serve(dialects='librechat', run_timeout=5000).url}/librechat/v1"
    files = {"files": ("a/b.txt", b"1")}
    stored = requests.post(f"{url}/upload", files=files, timeout=60).json()
    file = {"id": stored["files"][0]["fileId"], "name": "a/b.txt", "kind": "user"}
    file |= {"storage_session_id": stored["storage_session_id"]}
    program: dict[str, Any] = {"lang": "sh", "code": "cat a/b.txt; echo > b.txt", "args": ["x"]}
    seen: Counter[int] = Counter()

    def with_fault(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        changes = st.dictionaries(st.sampled_from(sorted(whole)), texts | values, max_size=2)
        return changes.map(lambda change: whole | change)

    def check(path: str, **sent: Any) -> None:
        response = checked(requests.post(f"{url}/{path}", timeout=60, **sent))
        assert response.status_code in (200, 400), response.text
        seen[response.status_code] += 1

    @examples(80)
    @given(body=with_fault(program), files=st.lists(with_fault(file), max_size=2) | values)
    def execute(body: dict[str, Any], files: Any) -> None:
        data = json.dumps({"files": files} | body)
        check("exec", data=data, headers={"Content-Type": "application/json"})

    @examples(40)
    @given(path=st.sampled_from(["upload", "upload/batch"]), name=texts, kind=texts, body=raw)
    def send(path: str, name: str, kind: str, body: bytes) -> None:
        name = name.encode("utf-8", "replace").decode()
        check(path, files={"file": (name, body)}, data={"kind": kind.encode("utf-8", "replace")})

    tool = {"name": "f", "description": "", "parameters": {"properties": {}, "required": []}}
    called: dict[str, Any] = {"code": "await f()", "tools": [tool], "timeout": 300, "lang": "py"}
    asked: dict[str, Any] = {"code": "await f()", "tools": [tool]}
    waiting = requests.post(f"{url}/exec/programmatic", json=asked, timeout=60).json()
    result = {"call_id": "call_001", "result": 1, "is_error": True, "error_message": "no"}
    token = {"continuation_token": waiting["continuation_token"], "tool_results": [result]}

    @examples(40)
    @given(
        body=with_fault(called) | with_fault(token),
        result=st.lists(with_fault(result), max_size=2),
    )
    def call(body: dict[str, Any], result: list[Any]) -> None:
        if body.get("tool_results") == [token["tool_results"][0]]:
            body = body | {"tool_results": result}
        headers = {"Content-Type": "application/json"}
        # A traceback in the reply may be that of the program.
        response = requests.post(
            f"{url}/exec/programmatic", data=json.dumps(body), headers=headers, timeout=60
        )
        assert response.status_code in (200, 400), response.text
        assert "site-packages" not in response.text

    execute()
    send()
    call()
    assert min(seen[200], seen[400]) > 5, seen
    assert "Traceback" not in capfd.readouterr().err


def drain(websocket: ClientConnection) -> None:
    while True:
        assert "Traceback" not in str(websocket.recv(20))


@pytest.mark.attack("request", "60 random sessions", "ended with one of the close codes")
def test_connect(serve: Callable[..., Server], capfd: pytest.CaptureFixture[str]) -> None:
    url = f"ws{serve(run_timeout=300).url.removeprefix('http')}/api/v2/connect"
    inits = bodies.map(lambda body: {"type": "init"} | body)
    running = st.just({"type": "init"} | request("bash", "cat"))
    data = st.fixed_dictionaries(
        {"type": st.just("data")},
        optional={"stream": mostly(st.sampled_from(["stdin", "stdout"])), "data": mostly(texts)},
    )
    names: st.SearchStrategy[Any] = st.sampled_from(["SIGTERM", "SIGCONT", "x", [], {}, 5, None])
    signals = st.fixed_dictionaries({"type": st.just("signal"), "signal": names})
    frames: list[st.SearchStrategy[Any]] = [
        *(each.map(json.dumps) for each in (inits, data, data, signals, signals, values)),
        st.just('{"type": "eof"}'),
        st.text(max_size=20) | st.binary(max_size=20),
    ]
    # one_of() would give most weight to what has most branches.
    messages = st.integers(0, len(frames) - 1).flatmap(lambda kind: frames[kind])
    seen: Counter[int] = Counter()

    @examples(60)
    @given(
        first=(running | running | running | inits).map(json.dumps),
        more=st.lists(messages, min_size=1, max_size=4),
    )
    def check(first: str, more: list[str | bytes]) -> None:
        with connect(url, compression=None) as websocket:
            with contextlib.suppress(ConnectionClosed):
                for message in (first, *more):
                    websocket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                drain(websocket)
        assert not isinstance(closed.value, ConnectionClosedOK)
        assert closed.value.rcvd is not None
        seen[closed.value.rcvd.code] += 1

    check()
    assert seen.keys() <= {4000, 4001, 4002, 4003, 4004, 4005, 4999}
    assert seen.keys() >= {4000, 4002, 4004, 4999}, seen
    assert "Traceback" not in capfd.readouterr().err
