"""Sandboxes: created, used, and deleted with what they have in the background.

One with a kernel, too, where the package with kernels is installed.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import requests

from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, Rejected, WrongAnswer

GROUP = "sandboxes"

_PATH = "/api/v3/sandboxes"
_KERNELS = "jupyter"
_CODE = 3  # of the shell on the terminal
_CONTENT = bytes(range(256)) * 400
# What it leaves in the background writes a file a moment later.
_COMMAND = "(sleep 0.1; echo later >late) >/dev/null 2>&1 & cksum <in; sleep 600 >/dev/null 2>&1 &"


def attempts(client: ApiClient, languages: set[str]) -> Iterator[Attempt]:
    """`languages` are those that are installed."""
    name = "files, commands, some in the background, and a terminal"
    yield Attempt(GROUP, name, lambda: _use(client, "bash", _use_all))
    if _KERNELS in languages:
        name = "cells of a kernel, whose variables stay"
        yield Attempt(GROUP, name, lambda: _use(client, _KERNELS, _use_kernel))


def _use(client: ApiClient, language: str, act: Callable[[ApiClient, str], None]) -> None:
    """Do something in a sandbox, and delete that whatever happens."""
    created = client.send("POST", _PATH, json={"language": language})
    if created.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise Rejected
    path = f"{_PATH}/{_checked(created, HTTPStatus.CREATED).json()['id']}"
    try:
        act(client, path)
    finally:
        _checked(client.send("DELETE", path))
    _checked(client.send("GET", path), HTTPStatus.GONE)


def _use_kernel(client: ApiClient, path: str) -> None:
    _run_cell(client, path, "x = 40", "")
    _run_cell(client, path, "print(x + 2)", "42\n")
    broken = _run_cell(client, path, "x / 0", "")
    if (broken["error"] or {}).get("ename") != "ZeroDivisionError":
        raise WrongAnswer(f"{broken} instead of a ZeroDivisionError")


def _run_cell(client: ApiClient, path: str, code: str, stdout: str) -> dict[str, Any]:
    reply = client.send("POST", f"{path}/cells", json={"code": code})
    answer: dict[str, Any] = _checked(reply).json()
    _expect(answer, "stdout", stdout)
    return answer


def _use_all(client: ApiClient, path: str) -> None:
    _checked(client.send("PUT", f"{path}/files/in", data=_CONTENT))
    _expect(_exec(client, path, _COMMAND), "stdout", "1102157953 102400\n")
    late = _exec(client, path, "until [ -s late ]; do sleep 0.05; done; cat late")
    _expect(late, "stdout", "later\n")
    program = {"files": [{"content": "echo $1"}], "args": ["a b"]}
    ran = _checked(client.send("POST", f"{path}/run", json=program)).json()
    _expect(ran["run"], "stdout", "a b\n")
    if client.send("GET", f"{path}/files/in").content != _CONTENT:
        raise WrongAnswer("a file came back with another content")
    _use_background(client, path)
    _use_terminal(client, path)


def _use_background(client: ApiClient, path: str) -> None:
    command = {"command": "read x; echo got $x", "stdin_open": True}
    reply = client.send("POST", f"{path}/commands", json=command)
    found = f"{path}/commands/{_checked(reply, HTTPStatus.CREATED).json()['id']}"
    _checked(client.send("POST", f"{found}/stdin", json={"data": "word\n"}))
    while _checked(client.send("GET", f"{found}?wait=20000")).json()["status"] == "running":
        pass
    _expect(_checked(client.send("GET", f"{found}/output")).json(), "stdout", "got word\n")
    # One that the end of the sandbox ends.
    forever = {"command": ["sleep", "600"]}
    _checked(client.send("POST", f"{path}/commands", json=forever), HTTPStatus.CREATED)


def _use_terminal(client: ApiClient, path: str) -> None:
    frames = client.converse(f"{path}/terminal", {}, "stty size; exit 3\r")
    screen = "".join(frame.get("data", "") for frame in frames)
    if "24 80" not in screen or frames[-1].get("code") != _CODE:
        raise WrongAnswer(f"a terminal with {frames[-5:]}")


def _exec(client: ApiClient, path: str, command: str) -> dict[str, Any]:
    reply = _checked(client.send("POST", f"{path}/exec", json={"command": command}))
    answer: dict[str, Any] = reply.json()
    return answer


def _expect(answer: dict[str, Any], field: str, value: str) -> None:
    if answer[field] != value:
        raise WrongAnswer(f"{answer} instead of {field} {value!r}")


def _checked(reply: requests.Response, status: HTTPStatus = HTTPStatus.OK) -> requests.Response:
    if reply.status_code != status:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]} instead of {status}")
    return reply
