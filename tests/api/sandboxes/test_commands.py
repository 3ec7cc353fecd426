"""Commands and programs in a sandbox, over HTTP."""

import json
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server
from tests.support.waiting import wait_until


@pytest.fixture
def box(server: Server) -> Iterator[HttpSandbox]:
    with sandbox(server) as made:
        yield made


@pytest.mark.also_engine
def test_a_command(box: HttpSandbox) -> None:
    found = box.exec("cat; echo $0 $A; pwd; echo oops >&2; exit 3", stdin="in\n", env={"A": "a"})
    assert found["stdout"] == "in\nsh a\n/box\n"
    assert (found["stderr"], found["code"], found["verdict"]) == ("oops\n", 3, "exit")
    assert box.exec(["printf", "%s|", "a b", "$A"])["stdout"] == "a b|$A|"


def test_a_folder_to_run_in(box: HttpSandbox) -> None:
    box.sh("mkdir -p 'a b/c'")
    assert box.exec(["pwd"], cwd="a b/c")["stdout"] == "/box/a b/c\n"
    assert box.exec("pwd", cwd="/tmp")["stdout"] == "/tmp\n"
    missing = box.exec("pwd", cwd="none")
    assert (missing["stdout"], "none" in missing["stderr"]) == ("", True)


def test_a_time_limit_leaves_the_sandbox(box: HttpSandbox) -> None:
    found = box.exec("echo start; sleep 600", timeout=300)
    assert (found["verdict"], found["stdout"]) == ("wall_time", "start\n")
    assert box.sh("echo on") == "on\n"


def test_an_output_limit(box: HttpSandbox) -> None:
    assert box.exec("yes", output_limit=100)["verdict"] == "stdout"
    assert len(box.exec("head -c 100000 /dev/zero", output_limit=100_000)["stdout"]) == 100_000


def test_commands_at_once(box: HttpSandbox) -> None:
    results: dict[str, str] = {}

    def wait() -> None:
        results["waits"] = box.sh("read x <pipe; echo got $x")

    box.sh("mkfifo pipe")
    thread = threading.Thread(target=wait)
    thread.start()
    box.sh("echo word >pipe")
    thread.join()
    assert results == {"waits": "got word\n"}


def test_output_as_it_comes(box: HttpSandbox) -> None:
    box.sh("mkfifo pipe")
    answer = box.call(
        "POST",
        "/exec",
        json={"command": "echo first; read x <pipe; echo $x >&2; exit 2"},
        headers={"Accept": "application/x-ndjson"},
        stream=True,
    )
    lines = map(json.loads, answer.iter_lines())
    assert next(lines) == {"type": "data", "stream": "stdout", "data": "first\n"}
    box.sh("echo second >pipe")
    assert next(lines) == {"type": "data", "stream": "stderr", "data": "second\n"}
    last = next(lines)
    assert (last["type"], last["stage"], last["code"]) == ("exit", "run", 2)
    assert list(lines) == []


def test_a_client_that_leaves_ends_its_command(box: HttpSandbox) -> None:
    pid = box.leave_a_command()
    assert wait_until(lambda: box.has_no(pid), 20)


@pytest.mark.also_engine
def test_a_program_in_its_language(server: Server) -> None:
    with sandbox(server, language="python") as box:
        program = "import sys; open('n', 'a').write('x'); print(input(), sys.argv[1:])"
        body = {"files": [{"content": program}], "stdin": "hi", "args": ["a"]}
        answer = box.call("POST", "/run", json=body).json()
        assert answer["run"]["stdout"] == "hi ['a']\n"
        assert answer["language"] == "python"
        box.call("POST", "/run", json=body)
        assert box.sh("cat n") == "xx"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "command is required"),
        ({"command": " "}, "command is required"),
        ({"command": []}, "command is required"),
        ({"command": ["a", 1]}, "command is required"),
        ({"command": "true", "cwd": 5}, "cwd must be a string"),
        ({"command": "true", "stdin": 5}, "stdin must be a string"),
        ({"command": "true", "timeout": 0}, "timeout must be from 1 to 120000 milliseconds"),
        ({"command": "true", "timeout": "9"}, "timeout must be from 1 to 120000 milliseconds"),
        ({"command": "true", "timeout": 120_001}, "timeout must be from"),
        ({"command": "true", "output_limit": 1 << 40}, "output_limit must be from"),
        ({"command": ["no-such-program"]}, "The command can't be started: no-such-program"),
    ],
)
def test_refusals(box: HttpSandbox, body: dict[str, object], sentence: str) -> None:
    for accept in ("application/json", "application/x-ndjson"):
        answer = box.call("POST", "/exec", json=body, headers={"Accept": accept})
        assert answer.status_code == 400
        assert sentence in answer.json()["message"]


def test_there_is_no_such_sandbox(server: Server) -> None:
    answer = HttpSandbox(server, "sbx_none").call("POST", "/exec", json={"command": "true"})
    assert answer.status_code == 404
    assert requests.get(f"{server.url}/api/v3/sandboxes/", timeout=60).status_code == 200
