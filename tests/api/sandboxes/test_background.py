"""Commands of a sandbox in the background, over HTTP."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from bitrun.execution.sandboxes.sandbox import MAX_LASTING
from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server
from tests.support.services import Services
from tests.support.waiting import wait_until

ALICE, BOB = "alice-has-a-long-token", "bob-has-a-long-token-too"


@pytest.fixture
def box(server: Server) -> Iterator[HttpSandbox]:
    with sandbox(server) as made:
        yield made


@pytest.mark.also_engine
def test_from_the_start_to_the_end(box: HttpSandbox) -> None:
    command = "echo out; echo err >&2; read x <go; echo $x; exit 3"
    box.sh("mkfifo go")
    answer = box.call("POST", "/commands", json={"command": command, "env": {"A": "a"}})
    assert answer.status_code == 201
    started = answer.json()
    assert abs(started.pop("started_at") - time.time()) < 60
    command_id = started.pop("id")
    assert command_id.startswith("cmd_")
    assert started == {
        "command": command,
        "status": "running",
        "ended_at": None,
        "output_size": started["output_size"],
        "output_dropped": 0,
        "result": None,
        "error": None,
    }
    seen = box.output(command_id, "?wait=20000")
    assert seen["status"] == "running"
    while seen["next_offset"] < 8:
        seen = box.output(command_id)
    assert (seen["stdout"], seen["stderr"], seen["output"]) == ("out\n", "err\n", "out\nerr\n")
    assert [each["id"] for each in box.call("GET", "/commands").json()] == [command_id]
    box.sh("echo word >go")
    ended = box.ended(command_id)
    assert (ended["status"], ended["result"]["code"], ended["result"]["verdict"]) == (
        "ended",
        3,
        "exit",
    )
    assert ended["ended_at"] >= ended["started_at"]
    rest = box.output(command_id, f"?offset={seen['next_offset']}")
    assert (rest["output"], rest["status"], rest["dropped"]) == ("word\n", "ended", 0)
    assert box.output(command_id, f"?offset={rest['next_offset']}&wait=20000")["output"] == ""


@pytest.mark.also_engine
def test_stdin_and_signals(box: HttpSandbox) -> None:
    command_id = box.start(["cat"], stdin="a", stdin_open=True)
    path = f"/commands/{command_id}"
    assert box.call("POST", f"{path}/stdin", json={"data": "bé"}).status_code == 200
    assert box.call("POST", f"{path}/stdin", json={"end": True}).status_code == 200
    assert box.ended(command_id)["result"]["code"] == 0
    assert box.output(command_id)["stdout"] == "abé"
    for call, body in (("stdin", {"data": "c"}), ("signal", {})):
        answer = box.call("POST", f"{path}/{call}", json=body)
        assert (answer.status_code, answer.json()["message"]) == (409, "The command has ended")
    sleeper = box.start("exec sleep 600")
    answer = box.call("POST", f"/commands/{sleeper}/signal", json={"signal": "SIGINT"})
    assert answer.status_code == 200
    assert box.ended(sleeper)["result"]["signal"] == "SIGINT"


def test_its_time_limit(box: HttpSandbox) -> None:
    found = box.ended(box.start("echo on; sleep 600", timeout=300))
    assert found["result"]["verdict"] == "wall_time"


def test_one_that_can_not_start_says_why(box: HttpSandbox) -> None:
    found = box.ended(box.start(["no-such-program"]))
    assert (found["status"], found["result"]) == ("failed", None)
    assert found["error"].startswith("The command can't be started: no-such-program")


@pytest.mark.also_engine
def test_a_deleted_one_ends(box: HttpSandbox) -> None:
    command_id = box.start("trap '' TERM; echo $$; sleep 600")
    pid = box.output(command_id, "?wait=20000")["stdout"].strip()
    answer = box.call("DELETE", f"/commands/{command_id}")
    assert answer.json() == {"id": command_id, "deleted": True}
    assert wait_until(lambda: box.has_no(pid), 20)
    answer = box.call("GET", f"/commands/{command_id}")
    assert (answer.status_code, answer.json()["message"]) == (
        404,
        "There is no such command in the sandbox",
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "command is required"),
        ({"command": "true", "stdin_open": 1}, "stdin_open must be true or false"),
        ({"command": "true", "timeout": 0}, "timeout must be from 1 to 14400000 milliseconds"),
        ({"command": "true", "cwd": 5}, "cwd must be a string"),
        ({"command": ["a\0b"]}, "holds a NUL"),
    ],
)
def test_what_can_not_be_started(box: HttpSandbox, body: dict[str, Any], sentence: str) -> None:
    answer = box.call("POST", "/commands", json=body)
    assert (answer.status_code, sentence in answer.json()["message"]) == (400, True)
    assert box.call("GET", "/commands").json() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("GET", "?wait=30001", None, "wait must be a whole number from 0 to 30000"),
        ("GET", "?wait=-1", None, "wait must be a whole number"),
        ("GET", "?wait=\u0663", None, "wait must be a whole number"),
        ("GET", f"?wait={'9' * 1000}", None, "wait must be a whole number"),
        ("GET", "/output?offset=x", None, "offset must be a whole number"),
        ("GET", "/output?offset=5", None, "offset must be from 0 to 0"),
        ("POST", "/stdin", {"data": 5}, "data is required as a string"),
        ("POST", "/stdin", {}, "data is required as a string"),
        ("POST", "/stdin", {"data": "a"}, "The stdin of this command has ended"),
        ("POST", "/stdin", {"data": "\ud800"}, "data is no valid Unicode"),
        ("POST", "/signal", {"signal": "SIGNONE"}, "signal must be the name of one"),
        ("POST", "/signal", {"signal": 9}, "signal must be the name of one"),
    ],
)
def test_refusals(
    box: HttpSandbox, method: str, path: str, body: dict[str, Any] | None, sentence: str
) -> None:
    command_id = box.start("exec sleep 600")
    answer = box.call(method, f"/commands/{command_id}{path}", json=body)
    assert (answer.status_code, sentence in answer.json()["message"]) == (400, True)


def test_a_long_command_is_told_in_short(box: HttpSandbox) -> None:
    for command in ("true " + "x" * 9000, ["true", "x" * 9000, "y"], ["true", *["x"] * 3000]):
        told = box.ended(box.start(command))
        assert told["result"]["code"] == 0
        assert told["command"][0] == command[0]
        assert len(str(told["command"])) < 12_000
    assert box.ended(box.start(["echo", "a b"]))["command"] == ["echo", "a b"]


def test_a_fake_of_an_end(box: HttpSandbox) -> None:
    """Output is only ever output."""
    command_id = box.start("printf 'v\\0\\0\\0\\7code=0\\n'; exit 5")
    assert box.ended(command_id)["result"]["code"] == 5


def test_they_belong_to_the_sandbox_of_a_client(services: Services) -> None:
    server = services.share(api_tokens=f"{ALICE},{BOB}")
    with sandbox(server, ALICE) as hers, sandbox(server, BOB) as his:
        command_id = hers.start("exec sleep 600")
        for stranger in (HttpSandbox(server, hers.id, BOB), his):
            for method, path in (
                ("GET", ""), ("GET", "/output"), ("POST", "/stdin"), ("POST", "/signal"),
                ("DELETE", ""),
            ):  # fmt: skip
                answer = stranger.call(method, f"/commands/{command_id}{path}", json={"data": "a"})
                assert answer.status_code == 404
        assert hers.call("GET", f"/commands/{command_id}").json()["status"] == "running"
        hers.delete()
        for path in ("", "/output?wait=20000"):
            answer = hers.call("GET", f"/commands/{command_id}{path}")
            assert (answer.status_code, "it was deleted" in answer.text) == (410, True)


@pytest.mark.also_engine
@pytest.mark.attack(
    "program",
    "a background command that floods its output",
    "the service keeps the last 256 KiB, and tells how much is dropped",
)
def test_a_flood_of_output(box: HttpSandbox) -> None:
    size = 64 << 20
    command_id = box.start(f"head -c {size} /dev/zero; echo end")
    found = box.ended(command_id)
    assert (found["output_size"], found["output_dropped"]) == (size + 4, size + 4 - (1 << 18))
    part = box.output(command_id, f"?offset={size}")
    assert (part["output"], part["dropped"]) == ("end\n", 0)
    first = box.output(command_id)
    assert (first["dropped"], len(first["output"])) == (size + 4 - (1 << 18), 1 << 16)


@pytest.mark.attack(
    "request",
    "hundreds of background commands in a sandbox",
    "so many run at once; the others are refused with 429, and the sandbox answers",
)
def test_hundreds_of_commands(box: HttpSandbox) -> None:
    body = {"command": "exec sleep 600"}
    statuses = [box.call("POST", "/commands", json=body).status_code for _ in range(200)]
    assert statuses == [201] * MAX_LASTING + [429] * (200 - MAX_LASTING)
    assert box.sh("echo here") == "here\n"
    for each in box.call("GET", "/commands").json():
        box.call("DELETE", f"/commands/{each['id']}")
    assert wait_until(lambda: box.call("POST", "/commands", json=body).status_code == 201, 20)


def test_many_short_ones(box: HttpSandbox) -> None:
    for number in range(60):
        assert box.ended(box.start(f"exit {number}"))["result"]["code"] == number
    assert len(box.call("GET", "/commands").json()) == 16
