"""Dify's sandbox: what its API sends for code nodes and templates, and what it reads."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.server import Server
from tests.support.tokens import RUN

# As Dify does, the result comes between marks of a program that has its input in base64.
PYTHON = """
def main(name):
    return {"greeting": f"Hello {name}"}

import json
from base64 import b64decode
inputs = json.loads(b64decode("eyJuYW1lIjogIkFkYSJ9").decode())
print(f"<<RESULT>>{json.dumps(main(**inputs), indent=4)}<<RESULT>>")
"""
NODE = """
function main({name}) { return {greeting: `Hello ${name}`} }
const inputs = JSON.parse(Buffer.from("eyJuYW1lIjogIkFkYSJ9", "base64").toString())
console.log(`<<RESULT>>${JSON.stringify(main(inputs))}<<RESULT>>`)
"""


@pytest.fixture
def dify(share: Callable[..., Server]) -> Server:
    return share(dialects="dify", api_tokens=RUN, run_timeout=30_000, run_cpu_time=30_000)


def call(server: Server, method: str, path: str, key: str = RUN, **options: Any) -> Any:
    """Send a request as Dify does."""
    url = f"{server.url}/dify/v1/sandbox/{path}"
    return requests.request(method, url, headers={"X-Api-Key": key}, timeout=120, **options)


def run(server: Server, language: str, code: str, **fields: Any) -> dict[str, Any]:
    body = {"language": language, "code": code, "preload": "", "enable_network": True} | fields
    response = call(server, "POST", "run", json=body)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def data(server: Server, language: str, code: str, **fields: Any) -> dict[str, Any]:
    reply = run(server, language, code, **fields)
    found = reply.pop("data")
    assert reply == {"code": 0, "message": "success"}
    assert isinstance(found, dict)
    return found


def result(stdout: str) -> Any:
    found = re.fullmatch(r"<<RESULT>>(.*)<<RESULT>>\n", stdout, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.also_engine
def test_a_code_node(dify: Server) -> None:
    found = data(dify, "python3", PYTHON)
    assert result(found.pop("stdout")) == {"greeting": "Hello Ada"}
    assert found == {"stderr": "", "error": "", "exit_code": 0}


@pytest.mark.engine
def test_a_code_node_of_javascript(dify: Server) -> None:
    found = data(dify, "nodejs", NODE, preload="const fs = require('fs')")
    assert result(found["stdout"]) == {"greeting": "Hello Ada"}


def test_preload_runs_before_in_the_same_namespace(dify: Server) -> None:
    code = "from __future__ import annotations\nprint(math.floor(1.5), __name__)\nfail()"
    found = data(dify, "python3", code, preload="import math\nprint('first')")
    assert found["stdout"] == "first\n1 __main__\n"
    assert 'File "code.py", line 3' in found["error"]


def test_a_program_that_fails_fails_the_node(dify: Server) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert data(dify, "python3", code) == {
        "stdout": "out\n", "stderr": "err\n", "exit_code": 3,
        "error": "Exited with error status 3\nerr\n",
    }  # fmt: skip
    # What a program that succeeds writes to stderr is no error.
    warned = data(dify, "python3", "import sys; print('careful', file=sys.stderr)")
    assert (warned["stderr"], warned["error"]) == ("careful\n", "")


def test_a_limit_is_named(share: Callable[..., Server]) -> None:
    server = share(dialects="dify", api_tokens=RUN, output_limit=1000)
    found = data(server, "python3", "print('x' * 5000)")
    assert found["error"] == "Output limit exceeded: 1000 bytes on stdout\n"
    assert found["exit_code"] == 137


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"language": "ruby"}, "language must be one of python3, nodejs"),
        ({"language": None}, "language must be one of python3, nodejs"),
        ({"code": None}, "code must be a string"),
        ({"preload": 5}, "preload must be a string"),
        ({"code": "\ud800"}, "code is no valid Unicode"),
    ],
)
def test_refusals_are_shown(dify: Server, fields: dict[str, Any], sentence: str) -> None:
    reply = run(dify, "python3", "") | {}
    assert reply["code"] == 0
    reply = run(dify, **{"language": "python3", "code": ""} | fields)
    assert reply == {"code": -1, "message": sentence, "data": None}


def test_keys(dify: Server) -> None:
    response = call(dify, "POST", "run", key="wrong", json={})
    assert response.status_code == 401
    assert response.json()["code"] == -1
    assert call(dify, "GET", "dependencies", key="").status_code == 401
    assert dify.get("/dify/health").json() == "ok"


@pytest.mark.parametrize("path", ["dependencies", "dependencies/refresh"])
def test_libraries(dify: Server, path: str) -> None:
    reply = call(dify, "GET", path, params={"language": "nodejs"}).json()
    assert {"name": "lodash", "version": ""} in reply["data"]["dependencies"]
    refused = call(dify, "GET", path, params={"language": "perl"}).json()
    assert refused["message"] == "language must be one of python3, nodejs"
    assert call(dify, "POST", "dependencies/update", json={}).json()["code"] == -1


def test_a_client_with_too_many_runs_is_told_that_the_service_is_busy(
    share: Callable[..., Server],
) -> None:
    server = share(dialects="dify", api_tokens=RUN, rate_limit="1/day")
    assert run(server, "python3", "")["code"] == 0
    response = call(server, "POST", "run", json={})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 1000
    assert response.json() == {
        "code": -1,
        "message": "Too many requests",
        "detail": f"A client may make 1 per 1 day: try again in {response.headers['Retry-After']} s",
        "data": None,
    }


@pytest.mark.also_engine
def test_a_hundred_at_once(share: Callable[..., Server]) -> None:
    """With the settings of docs/from-dify.md, but for a machine that is slow."""
    server = share(
        dialects="dify",
        api_tokens=RUN,
        max_runs_per_client=128,
        max_queue=128,
        queue_timeout=100,
        run_timeout=100_000,
    )
    with ThreadPoolExecutor(100) as threads:
        found = list(threads.map(lambda n: data(server, "python3", f"print({n})"), range(100)))
    assert [each["stdout"] for each in found] == [f"{n}\n" for n in range(100)]
    assert {each["error"] for each in found} == {""}
