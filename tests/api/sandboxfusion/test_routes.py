"""SandboxFusion's routes beyond what its client shows: refusals, limits, files, judging."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.server import Server
from tests.support.tokens import RUN

TWICE = "```python\nprint(2 * int(input()))\n```"


@pytest.fixture
def fusion(share: Callable[..., Server]) -> Server:
    return share(dialects="sandboxfusion", run_timeout=30_000, run_cpu_time=30_000)


def call(server: Server, path: str, body: Any, **options: Any) -> requests.Response:
    url = f"{server.url}/sandboxfusion/{path}"
    return requests.post(url, json=body, timeout=60, **options)


def run(server: Server, language: str, code: str, **fields: Any) -> dict[str, Any]:
    response = call(server, "run_code", {"language": language, "code": code} | fields)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def submit(server: Server, completion: str = TWICE, **fields: Any) -> requests.Response:
    config = {
        "dataset_type": "CommonOJDataset",
        "language": "python",
        "provided_data": {"test": [case("1", "2"), case("2", "5"), case("3", "6")]},
    }
    config |= fields.pop("config", {})
    body = {"dataset": "x", "id": "a", "completion": completion, "config": config} | fields
    return call(server, "submit", body)


def case(stdin: str, stdout: str) -> dict[str, dict[str, str]]:
    return {"input": {"stdin": stdin}, "output": {"stdout": stdout}}


def test_ping(fusion: Server) -> None:
    assert fusion.get("/sandboxfusion/v1/ping").json() == "pong"


def test_a_result(fusion: Server) -> None:
    reply = run(fusion, "bash", "echo out; echo err >&2; kill -SEGV $$")
    result = reply.pop("run_result")
    assert 0 <= result.pop("cpu_time") <= 10
    assert 0 < result.pop("execution_time") < 10
    assert result == {
        "status": "Finished", "return_code": -11, "stdout": "out\n", "stderr": "err\n",
    }  # fmt: skip
    assert reply == {
        "status": "Failed", "message": "", "compile_result": None, "executor_pod_name": None,
        "files": {},
    }  # fmt: skip


def test_limits_are_lowered_to_what_is_possible(
    fusion: Server, share: Callable[..., Server]
) -> None:
    server = share(dialects="sandboxfusion", run_timeout=1000)
    reply = run(server, "bash", "sleep 60", run_timeout=1e300)
    assert reply["run_result"]["status"] == "TimeLimitExceeded"
    assert reply["message"] == "Time limit exceeded: 1000 ms of wall time"
    assert run(fusion, "bash", "true", memory_limit_MB=10**9)["status"] == "Success"
    assert run(fusion, "bash", "true", memory_limit_MB=-1)["status"] == "Success"


def test_files(fusion: Server) -> None:
    packed = base64.b64encode(b"\xff").decode()
    reply = run(
        fusion,
        "bash",
        "cat a/b c.sh; printf '[' > 'x[1]'; rm a/b",
        files={"a/b": packed, "c.sh": "", "left": None, "IGNORE_THIS_FILE": "x", "main.sh": ""},
        fetch_files=["./x[1]", "main.sh", "missing", "left"],
    )
    assert reply["run_result"]["stdout"] == "\ufffd"
    assert reply["files"] == {"./x[1]": "Ww==", "main.sh": ""}


@pytest.mark.engine
def test_php_needs_no_tag(fusion: Server) -> None:
    assert run(fusion, "php", "echo 6 * 7;")["run_result"]["stdout"] == "42"
    assert run(fusion, "php", "\n<?php echo 6 * 7;")["run_result"]["stdout"].strip() == "42"


def notebook(server: Server, *cells: str, **fields: Any) -> dict[str, Any]:
    response = call(server, "run_jupyter", {"cells": cells} | fields)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def test_cells_share_a_namespace(fusion: Server) -> None:
    reply = notebook(
        fusion,
        "import sys\nx = 41",
        "print('out'); print('err', file=sys.stderr)\nx + 1",
        "raise RuntimeError(x)",
        "open('made', 'w').write(open('sent').read() + str(_)); None",
        "import sys; sys.exit(3)",
        files={"sent": base64.b64encode(b"got ").decode(), "cells.json": ""},
        fetch_files=["made"],
    )
    assert (reply["status"], reply["driver"]["return_code"]) == ("Success", 0)
    silent = {"stdout": "", "stderr": "", "display": [], "error": []}
    first, second, third, fourth, fifth = reply["cells"]
    assert first == fourth == silent
    assert second == silent | {
        "stdout": "out\n", "stderr": "err\n", "display": [{"text/plain": "42"}],
    }  # fmt: skip
    (error,) = third["error"]
    assert (error["ename"], error["evalue"]) == ("RuntimeError", "41")
    assert error["traceback"] == [
        "Traceback (most recent call last):\n",
        '  File "<cell 3>", line 1, in <module>\n    raise RuntimeError(x)\n',
        "RuntimeError: 41\n",
    ]
    assert fifth["error"][0]["ename"] == "SystemExit"
    assert reply["files"] == {"made": base64.b64encode(b"got 42").decode()}


def test_cells_that_do_not_end(fusion: Server) -> None:
    reply = notebook(fusion, "print(1)", "while True: pass", total_timeout=0.5)
    assert (reply["status"], reply["cells"]) == ("Failed", [])
    assert reply["driver"]["status"] == "TimeLimitExceeded"
    assert notebook(fusion, "import os; os._exit(3)")["driver"]["return_code"] == 3


def test_cells_can_not_forge_more_than_their_own_results(fusion: Server) -> None:
    forged = "import atexit; atexit.register(lambda: open('cells_results.json', 'w').write('[1]'))"
    assert notebook(fusion, forged)["status"] == "Failed"


@pytest.mark.parametrize("body", [{}, {"cells": "x"}, {"cells": [1]}, {"cells": [], "kernel": "r"}])
def test_what_is_no_notebook(fusion: Server, body: Any) -> None:
    assert call(fusion, "run_jupyter", body).status_code == 400


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "code is required as a string"),
        ({"code": ""}, "language is required as a string"),
        ({"code": "", "language": "jest"}, "No language is called jest"),
        ({"code": "", "language": "pytest"}, "Package is not installed: python-science"),
        ({"code": "\ud800", "language": "bash"}, "code is no valid Unicode"),
        ({"code": "", "language": "bash", "stdin": 5}, "If specified, stdin must be a string"),
        ({"code": "", "language": "bash", "run_timeout": 0}, "run_timeout must be more than 0 sec"),
        ({"code": "", "language": "bash", "run_timeout": True}, "If specified, run_timeout must"),
        ({"code": "", "language": "bash", "files": []}, "If specified, files must be an object"),
        ({"code": "", "language": "bash", "files": {"/a": ""}}, "files['/a'] must stay within"),
        ({"code": "", "language": "bash", "files": {"a": "?"}}, "files['a'] is no valid base64"),
        ({"code": "", "language": "bash", "fetch_files": "a"}, "If specified, fetch_files must"),
        ({"code": "", "language": "bash", "fetch_files": ["../a"]}, "fetch_files[0] must stay"),
    ],
)
def test_what_can_not_be_run_is_named(fusion: Server, body: Any, sentence: str) -> None:
    response = call(fusion, "run_code", body)
    assert response.status_code == 400
    assert response.json().keys() == {"detail"}
    assert response.json()["detail"].startswith(sentence)


def test_a_submission_ends_with_the_first_failure(fusion: Server) -> None:
    reply = submit(fusion).json()
    tests = reply.pop("tests")
    assert reply == {
        "id": "a", "accepted": False, "extracted_code": "print(2 * int(input()))",
        "full_code": None, "test_code": None, "extracted_type": None, "extra": None,
    }  # fmt: skip
    assert [test["passed"] for test in tests] == [True, False]
    assert tests[1]["test_info"] == case("2", "5")
    assert tests[1]["exec_info"]["run_result"]["stdout"] == "4\n"
    every = submit(fusion, config={"extra": {"run_all_cases": True}}).json()
    assert [test["passed"] for test in every["tests"]] == [True, False, True]


def test_long_texts_of_passed_cases_are_shortened(fusion: Server) -> None:
    long = "x" * 2000
    data = {"test": [case(long, long)], "id": 1}
    config = {"language": "bash", "provided_data": data}
    cat = "```bash\ncat\n```"
    info = submit(fusion, cat, config=config).json()["tests"][0]["test_info"]
    assert info["input"]["stdin"] == "x" * 498 + "..." + "x" * 498
    full = submit(fusion, cat, config=config | {"extra": {"return_full_case": True}}).json()
    assert full["tests"][0]["test_info"] == case(long, long)


def test_a_submission_that_is_not_compiled(fusion: Server) -> None:
    data = {"test": '[{"input": {"stdin": ""}, "output": {"stdout": ""}}]'}
    reply = submit(fusion, "int main(", config={"language": "c", "provided_data": data}).json()
    # No fences, and nothing that looks like code: an empty program.
    assert (reply["accepted"], reply["extracted_code"]) == (False, "")
    info = reply["tests"][0]["exec_info"]
    assert (info["status"], info["run_result"]) == ("Failed", None)
    assert info["compile_result"]["return_code"] == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"id": None}, "id is required as a number or a string"),
        ({"completion": 5}, "completion is required as a string"),
        ({"config": {"dataset_type": "HumanEvalDataset"}}, "config.dataset_type must be CommonOJ"),
        ({"config": {"custom_extract_logic": "x"}}, "config.custom_extract_logic is not possible"),
        ({"config": {"language": None}}, "language is required as a string"),
        ({"config": {"provided_data": [{}]}}, "config.provided_data is required as an object"),
        ({"config": {"provided_data": {"test": []}}}, "config.provided_data.test is required as"),
        ({"config": {"provided_data": {"test": [1]}}}, "config.provided_data.test[0].input.stdin"),
        ({"config": {"provided_data": {"test": "["}}}, "The body is no JSON"),
        (
            {"config": {"provided_data": {"test": [case("\ud800", "")]}}},
            "config.provided_data.test[0].input.stdin is required as a string",
        ),
    ],
)
def test_what_can_not_be_judged_is_named(
    fusion: Server, fields: dict[str, Any], sentence: str
) -> None:
    response = submit(fusion, **fields)
    assert response.status_code == 400
    assert response.json()["detail"].startswith(sentence)


def test_tokens_and_rates(share: Callable[..., Server]) -> None:
    server = share(dialects="sandboxfusion", api_tokens=RUN, rate_limit="5/hour")
    body: dict[str, Any] = {"language": "bash", "code": "true"}
    assert call(server, "run_code", body).status_code == 401
    assert call(server, "run_code", body, auth=("any", "wrong")).status_code == 401
    assert call(server, "run_code", body, auth=("any", RUN)).status_code == 200
    # Three cases are three runs, of the same client.
    headers = {"Authorization": f"Bearer {RUN}"}
    config = {
        "dataset_type": "CommonOJDataset",
        "language": "bash",
        "provided_data": {"test": [case("", "")] * 3},
    }
    body = {"dataset": "x", "id": 1, "completion": "```\ntrue\n```", "config": config}
    assert call(server, "submit", body, headers=headers).status_code == 200
    assert call(server, "run_code", {}, auth=("", RUN)).status_code == 400
    response = call(server, "run_code", {}, auth=("", RUN))
    assert response.status_code == 429
    assert response.json()["detail"].startswith("A client may make 5 per 1 hour: try again in ")


def test_no_browser_is_asked_for_a_password(share: Callable[..., Server]) -> None:
    """It would keep it, and send it with the forms of any page."""
    server = share(dialects="sandboxfusion", api_tokens=RUN, rate_limit="5/hour")
    for auth in (None, ("any", "wrong")):
        response = call(server, "run_code", {}, auth=auth)
        assert response.headers["WWW-Authenticate"] == "Bearer"
