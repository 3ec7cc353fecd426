"""codapi's `exec`: languages as sandboxes, files, commands, and errors as its widget reads them."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.server import Server
from tests.support.tokens import RUN

URL = "/codapi/v1/exec"


@pytest.fixture
def codapi(share: Callable[..., Server]) -> Server:
    return share(dialects="codapi", run_cpu_time=1000, run_timeout=30_000)


def execute(server: Server, **body: Any) -> requests.Response:
    return requests.post(server.url + URL, json=body, timeout=60)


def result(server: Server, sandbox: str, code: str = "", **fields: Any) -> dict[str, Any]:
    """Run a program, and return the reply without what differs from run to run."""
    body = {"sandbox": sandbox, "files": {"": code}} | fields
    response = execute(server, **body)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert reply.pop("duration") >= 0
    assert reply.pop("id").endswith(response.headers["X-Request-Id"])
    assert isinstance(reply, dict)
    return reply


def refused(server: Server, status: int, **body: Any) -> str:
    response = execute(server, **body)
    assert response.status_code == status, response.text
    reply = response.json()
    sentence = reply.pop("stderr")
    assert reply == {"id": "-", "ok": False, "duration": 0, "stdout": ""}
    assert isinstance(sentence, str)
    return sentence


@pytest.mark.also_engine
def test_a_program(codapi: Server) -> None:
    expected = {"ok": True, "stdout": "Hi\n", "stderr": ""}
    assert result(codapi, "python", "print('Hi')", version="3.x", command="run") == expected
    assert result(codapi, "sh", "echo Hi", version="") == expected


@pytest.mark.also_engine
def test_a_compiled_program(codapi: Server) -> None:
    code = '#include <cstdio>\nint main() { puts("Hi"); }'
    assert result(codapi, "cpp", code) == {"ok": True, "stdout": "Hi\n", "stderr": ""}
    compiled = result(codapi, "cpp", code, command="compile")
    assert compiled == {"ok": True, "stdout": "", "stderr": ""}
    wrong = result(codapi, "c", "int main() { return x; }", command="compile")
    assert not wrong["ok"]
    assert "main.c" in wrong["stderr"]


@pytest.mark.also_engine
def test_all_output_of_a_failure_is_stderr(codapi: Server) -> None:
    """Since the widget shows stderr only where stdout is empty."""
    failed = result(codapi, "bash", "echo out; echo err >&2; printf end; exit 3")
    expected = "out\nerr\nend\nExited with error status 3"
    assert failed == {"ok": False, "stdout": "", "stderr": expected}
    crashed = result(codapi, "bash", "kill -SEGV $$")
    assert crashed["stderr"] == "Caught fatal signal 11 (SIGSEGV)"


def test_a_limit_is_named(codapi: Server) -> None:
    reply = result(codapi, "bash", "echo so far; while :; do :; done")
    sentences = [
        f"Time limit exceeded: {limit}"
        for limit in ("1000 ms of CPU time", "30000 ms of wall time")
    ]
    assert reply["stderr"] in [f"so far\n{sentence}" for sentence in sentences]


def test_several_files(codapi: Server) -> None:
    packed = base64.b64encode(b"\xff\x00").decode()
    files = {
        "words/__init__.py": "HELLO = 'Hi'",
        "": "import words\nprint(words.HELLO, open('data.bin', 'rb').read(), open('a b').read())",
        "data.bin": f"data:application/octet-stream;base64,{packed}",
        "a b": "data:,1%202",
    }
    assert result(codapi, "python", files=files)["stdout"] == "Hi b'\\xff\\x00' 1 2\n"
    # A header and a second source, and a main file by its name.
    sources = {
        "twice.c": "int twice(int x) { return 2 * x; }",
        "main.c": '#include <stdio.h>\n#include "twice.h"\nint main(void) { printf("%d", twice(4)); }',
        "twice.h": "int twice(int);",
    }
    assert result(codapi, "c", files=sources)["stdout"] == "8"


def test_what_is_not_there_is_404(codapi: Server) -> None:
    files = {"": "x"}
    assert refused(codapi, 404, sandbox="pythn", files=files).startswith(
        "No language is called pythn; did you mean python?"
    )
    assert "matches 2.x; installed: 3" in refused(
        codapi, 404, sandbox="python", version="2.x", files=files
    )
    assert (
        refused(codapi, 404, sandbox="python", command="test", files=files)
        == "python has no command test; there are: run"
    )
    assert refused(codapi, 404, sandbox="rust", files=files).startswith(
        "Package is not installed: rust"
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, 'sandbox is required: the name of a language, such as "python"'),
        ({"sandbox": 5, "files": {}}, "If specified, sandbox must be a string"),
        ({"sandbox": "python", "command": []}, "If specified, command must be a string"),
        ({"sandbox": "python", "files": ["x"]}, "files is required as an object of names and"),
        ({"sandbox": "python", "files": {"": 1}}, "files[''] must be a string"),
        ({"sandbox": "python", "files": {"../x": ""}}, "files['../x'] must stay within the direc"),
        ({"sandbox": "python", "files": {"": "", "main.py": ""}}, "files['main.py'] and another"),
        ({"sandbox": "python", "files": {"": "\ud800"}}, "files[''] is no valid text"),
        ({"sandbox": "python", "files": {"": "data:x"}}, "files[''] is no valid data URL: it has"),
        ({"sandbox": "python", "files": {"": "data:;base64,?"}}, "files[''] is no valid data URL"),
    ],
)
def test_what_can_not_be_used_is_named(codapi: Server, body: Any, sentence: str) -> None:
    assert refused(codapi, 400, **body).startswith(sentence)


def test_other_bodies(codapi: Server) -> None:
    response = requests.post(codapi.url + URL, data={"sandbox": "python"}, timeout=60)
    assert response.status_code == 415
    assert response.json()["stderr"] == "requests must be of type application/json"
    response = execute(codapi, sandbox="bash", files={"": "true"}, versoin="3")
    assert response.headers["X-BitRun-Warnings"] == "Unknown field: versoin; did you mean version?"


def test_tokens(share: Callable[..., Server]) -> None:
    server = share(dialects="codapi", api_tokens=RUN)
    body = {"sandbox": "bash", "files": {"": "true"}}
    response = execute(server, **body)
    assert (response.status_code, response.json()["ok"]) == (401, False)
    by_address = requests.post(f"{server.url}{URL}?api_token={RUN}", json=body, timeout=60)
    by_header = requests.post(
        server.url + URL, json=body, headers={"Authorization": f"Bearer {RUN}"}, timeout=60
    )
    assert by_address.json()["ok"]
    assert by_header.json()["ok"]
    # Pages of any site may use it then.
    assert by_address.headers["Access-Control-Allow-Origin"] == "*"
