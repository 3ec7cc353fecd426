"""The dialects of other services, each with what its clients send and the answer that they need."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import requests

from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, TimedOut, WrongAnswer

GROUP = "dialects of other services"

_CODAPI = "/codapi/v1/exec"
_RUN_CODE, _SUBMIT = "/sandboxfusion/run_code", "/sandboxfusion/submit"
_DIFY = "/dify/v1/sandbox/run"
_LIBRECHAT = "/librechat/v1/exec"
_JUDGE0 = "/judge0/submissions"

_LATE = ("Time limit exceeded", "TimeLimitExceeded")

_UNFINISHED, _ACCEPTED = (1, 2), 3
_POLL_SECONDS, _POLL_PAUSE = 240.0, 0.2

_TWICE = "#include <iostream>\nint main() { int x; std::cin >> x; std::cout << 2 * x; }"


def attempts(client: ApiClient) -> Iterator[Attempt]:
    for name, path, body, pick, expected in _calls():
        yield Attempt(GROUP, name, partial(_expect, client, path, body, pick, expected))
    yield Attempt(GROUP, "Judge0: asked until it is judged", partial(_poll_judge0, client))
    yield Attempt(GROUP, "LibreChat: a file", partial(_keep_a_file, client))


def attempts_of(dialect: str, client: ApiClient) -> list[Attempt]:
    """Return those of one dialect, by its name in `BITRUN_DIALECTS`; none if there are no such."""
    return [
        attempt for attempt in attempts(client) if attempt.name.partition(":")[0].lower() == dialect
    ]


def _calls() -> Iterator[tuple[str, str, dict[str, Any], Callable[[Any], Any], Any]]:
    """Yield name, path and body of requests, what counts of the reply, and its right value."""
    hello = {"sandbox": "python", "files": {"": "import a\nprint(a.X)", "a.py": "X = 'Hello'"}}
    yield "codapi: two files", _CODAPI, hello, _codapi, [True, "Hello\n", ""]
    fails = {"sandbox": "bash", "files": {"": "echo out; exit 3"}}
    stderr = "out\nExited with error status 3"
    yield "codapi: a failure", _CODAPI, fails, _codapi, [False, "", stderr]
    program = {"language": "cpp", "code": _TWICE, "stdin": "21", "run_timeout": 60}
    yield "SandboxFusion: run_code", _RUN_CODE, program, _run_code, ["Success", "42"]
    cases = [{"input": {"stdin": str(n)}, "output": {"stdout": str(2 * n)}} for n in range(3)]
    config = {"dataset_type": "CommonOJDataset", "language": "cpp", "run_timeout": 60}
    config |= {"provided_data": {"test": cases}}
    submission = {"dataset": "soak", "id": 1, "config": config}
    submission |= {"completion": f"```cpp\n{_TWICE}\n```"}
    yield "SandboxFusion: submit", _SUBMIT, submission, _submit, [True, 3]
    node = {"language": "python3", "code": "print(x)", "preload": "x = 1", "enable_network": True}
    yield "Dify: a code node", _DIFY, node, _dify, ["1\n", ""]
    raises = {"language": "python3", "code": "raise SystemExit(3)"}
    yield "Dify: a failure", _DIFY, raises, _dify, ["", "Exited with error status 3\n"]
    shell = {"lang": "bash", "code": "pwd; exit 3"}
    stderr = "Exited with error status 3\n"
    yield "LibreChat: a failure", _LIBRECHAT, shell, _librechat, ["/mnt/data\n", stderr]
    waited = f"{_JUDGE0}?wait=true"
    wrong = {"language_id": 46, "source_code": "cat", "stdin": "a", "expected_output": "b"}
    yield "Judge0: a wrong answer", waited, wrong, _judge0, [4, "a"]
    judged = [{"stdin": str(n), "expected_output": str(2 * n)} for n in range(3)]
    several = {"language_id": 54, "source_code": _TWICE, "test_cases": judged}
    yield "Judge0: test cases", waited, several, _judge0, [3, "0"]


def _codapi(reply: Any) -> list[Any]:
    return [reply["ok"], reply["stdout"], reply["stderr"]]


def _run_code(reply: Any) -> list[Any]:
    return [reply["status"], reply["run_result"]["stdout"]]


def _submit(reply: Any) -> list[Any]:
    return [reply["accepted"], len(reply["tests"])]


def _dify(reply: Any) -> list[Any]:
    return [reply["data"]["stdout"], reply["data"]["error"]]


def _librechat(reply: Any) -> list[Any]:
    return [reply["stdout"], reply["stderr"]]


def _keep_a_file(client: ApiClient) -> None:
    """Have a program make a file, get it, and delete it: the store must not fill up."""
    program = "open('/mnt/data/a.csv', 'w').write('1')"
    reply = client.send("POST", _LIBRECHAT, json={"lang": "py", "code": program})
    try:
        (file,) = reply.json()["files"]
        path = f"{file['storage_session_id']}/{file['id']}"
    except (KeyError, TypeError, ValueError) as error:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r}") from error
    url = _LIBRECHAT.removesuffix("exec")
    content = client.send("GET", f"{url}download/{path}")
    deleted = client.send("DELETE", f"{url}files/{path}")
    if content.text != "1" or not deleted.ok:
        raise WrongAnswer(f"{content.text[:300]!r}, {deleted.text[:300]!r}")


def _judge0(reply: Any) -> list[Any]:
    return [reply["status"]["id"], reply["stdout"]]


def _poll_judge0(client: ApiClient) -> None:
    body = {"language_id": 71, "source_code": "print(7)"}
    reply = client.send("POST", _JUDGE0, json=body)
    if reply.status_code != requests.codes.created:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r}")
    path = f"{_JUDGE0}/{reply.json()['token']}"
    deadline = time.monotonic() + _POLL_SECONDS
    while True:
        reply = client.send("GET", path)
        status = reply.json().get("status", {}).get("id") if reply.ok else None
        if status not in _UNFINISHED or time.monotonic() > deadline:
            break
        time.sleep(_POLL_PAUSE)
    if status != _ACCEPTED or reply.json()["stdout"] != "7\n":
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r}")


def _expect(
    client: ApiClient, path: str, body: dict[str, Any], pick: Callable[[Any], Any], expected: Any
) -> None:
    reply = client.send("POST", path, json=body)
    try:
        found = pick(reply.json())
    except (KeyError, TypeError, ValueError):
        found = None
    if found != expected and any(words in reply.text for words in _LATE):
        raise TimedOut
    if not reply.ok or found != expected:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r}")
