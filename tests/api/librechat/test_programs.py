"""Programs that call tools of an agent, by replay."""

from collections.abc import Callable
from typing import Any

import pytest

from bitrun.api.librechat.tool_runner import identifier
from tests.api.librechat.test_exec import call, upload
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN

ADD = {
    "name": "add-numbers",
    "description": "Adds",
    "parameters": {"properties": {"b": {}, "a": {}}, "required": ["a"]},
}


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="librechat", api_tokens=f"{RUN} {ADMIN}", run_timeout=30_000)


def send(server: Server, key: str = RUN, **fields: Any) -> dict[str, Any]:
    response = call(server, "POST", "exec/programmatic", key, json=fields)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    return reply


def finish(server: Server, code: str, **fields: Any) -> tuple[dict[str, Any], list[Any]]:
    """Run a program to its end; return the last reply, and the inputs of each round."""
    reply = send(server, code=code, tools=[ADD], **fields)
    rounds = []
    while reply["status"] == "tool_call_required":
        calls = reply["tool_calls"]
        assert {each["name"] for each in calls} == {"add-numbers"}
        rounds.append([each["input"] for each in calls])
        results = [
            {"call_id": each["id"], "result": sum(each["input"].values()), "is_error": False}
            for each in calls
        ]
        token = reply["continuation_token"]
        reply = send(server, continuation_token=token, tool_results=results)
    return reply, rounds


@pytest.mark.also_engine
def test_calls_one_after_the_other_and_at_once(server: Server) -> None:
    code = """
print("start")
total = await add_numbers(a=1, b=2)
more = await asyncio.gather(*(add_numbers(a=total, b=n) for n in range(3)))
await asyncio.sleep(0.01)
print(total, more, await add_numbers(5, b=None))
open("/mnt/data/out.json", "w").write(json.dumps(more))
"""
    reply, rounds = finish(server, code)
    assert (reply["status"], reply["stderr"]) == ("completed", "")
    assert reply["stdout"] == "start\n3 [3, 4, 5] 5\n"
    assert rounds == [
        [{"a": 1, "b": 2}],
        [{"a": 3, "b": 0}, {"a": 3, "b": 1}, {"a": 3, "b": 2}],
        [{"a": 5}],
    ]
    assert [file["name"] for file in reply["files"]] == ["out.json"]
    assert reply["tool_calls_made"] == 5


def test_without_calls_it_is_a_run(server: Server) -> None:
    (file,) = upload(server, ("main.py", b"data"))
    reply, rounds = finish(server, "print(open('main.py').read(), __name__)", files=[file])
    assert (reply["stdout"], rounds) == ("data __main__\n", [])
    assert [each["name"] for each in reply["files"]] == ["main.py"]
    reply, _ = finish(server, "import os; print(sorted(os.listdir()))")
    assert reply["stdout"] == "['_runner.py', 'main.py']\n"


def test_a_tool_that_fails(server: Server) -> None:
    code = "try: await add_numbers(a=1)\nexcept ToolExecutionError as error: print('no:', error)"
    reply = send(server, code=code, tools=[ADD])
    results = [{"call_id": "call_001", "is_error": True, "error_message": "it is broken"}]
    reply = send(server, continuation_token=reply["continuation_token"], tool_results=results)
    assert reply["stdout"] == "no: it is broken\n"
    code = "await add_numbers(a=1)"
    reply = send(server, code=code, tools=[ADD])
    reply = send(server, continuation_token=reply["continuation_token"], tool_results=results)
    assert (reply["status"], reply["error"]) == ("error", "Sandbox exited with code 1")
    assert "ToolExecutionError: it is broken" in reply["stderr"]


def test_a_program_that_fails(server: Server) -> None:
    reply = send(server, code="print('x')\n1 / 0", tools=[])
    assert (reply["status"], reply["error"]) == ("error", "Sandbox exited with code 1")
    assert reply["stdout"] == "x\n"
    # The place, and no lines of ours.
    assert 'File "main.py", line 2' in reply["stderr"]
    assert "_runner.py" not in reply["stderr"]
    assert send(server, code="x =", tools=[])["error"] == "Sandbox exited with code 1"
    reply = send(server, code="import sys; sys.exit(4)", tools=[])
    assert reply["error"] == "Sandbox exited with code 4"
    late = send(server, code="while True: pass", timeout=700)
    assert late["error"] == "Time limit exceeded"
    assert "Time limit exceeded: 700 ms of wall time" in late["stderr"]


@pytest.mark.attack(
    "request", "a program of another client that waits for its tools", "not found, as none at all"
)
def test_a_program_is_its_clients(server: Server) -> None:
    reply = send(server, code="print(await add_numbers(a=1))", tools=[ADD])
    token = reply["continuation_token"]
    results = [{"call_id": "call_001", "result": 1}]
    for key, name in ((ADMIN, token), (RUN, "a" * 21), (RUN, "../x")):
        found = send(server, key, continuation_token=name, tool_results=results)
        assert found["error"].startswith("No program waits under this continuation_token")
    assert send(server, continuation_token=token, tool_results=results)["stdout"] == "1\n"
    # It has ended.
    again = send(server, continuation_token=token, tool_results=results)
    assert again["status"] == "error"


def test_calls_that_a_program_forges(server: Server) -> None:
    code = "open('_tool_calls.json', 'w').write({!r})"
    for text in ("[", "{}", '[1, {"id": 1}, {"id": "a", "name": "b", "input": []}]', "[" * 9999):
        reply = send(server, code=code.format(text), tools=[ADD])
        assert (reply["status"], reply["files"]) == ("completed", [])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "code is required as a string"),
        ({"code": "", "lang": "bash"}, "Programs that call tools are Python"),
        ({"code": "", "tools": [{}]}, "tools[0] must be an object with a name"),
        ({"code": "", "tools": [ADD] * 201}, "tools must be an array of 200"),
        ({"code": "", "timeout": "x"}, "If specified, timeout must be milliseconds"),
        ({"code": "", "timeout": 10**400}, "If specified, timeout must be milliseconds"),
        ({"continuation_token": "a" * 21}, "tool_results is required as an array"),
    ],
)
def test_refusals(server: Server, fields: dict[str, Any], sentence: str) -> None:
    response = call(server, "POST", "exec/programmatic", json=fields)
    assert response.status_code == 400
    assert response.json()["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("name", "found"),
    [("get-weather", "get_weather"), ("a b!", "a_b"), ("2x", "_2x"), ("class", "class_tool")],
)
def test_names_of_functions(name: str, found: str) -> None:
    assert identifier(name) == found
