"""Programs that call tools of an agent: `exec/programmatic`, by replay.

A program runs until it needs results of tools, and ends; the client calls the tools, and the
program runs again from its start with all results so far. In between it is a record of the store,
and no box waits for it. Nothing else of a run is kept but that of the last.
"""

import dataclasses
import glob
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bitrun.api.http.json_body import encode_text, parse_json
from bitrun.api.librechat.inputs import FileReference, Input, free_name, read_references
from bitrun.api.librechat.languages import find_environment
from bitrun.api.librechat.outputs import PATTERNS, Outputs
from bitrun.api.librechat.reply import exec_reply
from bitrun.api.librechat.request import WORKDIR
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import build_job
from bitrun.execution.limits import RequestedLimits
from bitrun.execution.uploads import is_id, random_id
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.model.output_files import OutputFile
from bitrun.model.result import Outcome, Result
from bitrun.packages.runtimes import Runtimes
from bitrun.store.store import Record, Store

FIELDS = (
    "code", "tools", "files", "timeout", "continuation_token", "tool_results", "lang", "language",
    "session_id", "user_id", "runtime_session_hint",
)  # fmt: skip

_KIND = "librechat-program"
_TTL_SECONDS = 3600.0  # from the first request to the last
_MAX_TOOLS = 200
_MAX_CALLS = 1000
_MAX_TIMEOUT = 3_600_000

_RUNNER, _CODE, _STATE, _CALLS = "_runner.py", "main.py", "_tools.json", "_tool_calls.json"
_PYTHON = ("python", "py")

# What the tool has words of its own for.
_ERRORS = {
    Outcome.MEMORY: "Out of memory",
    Outcome.WALL_TIME: "Time limit exceeded",
    Outcome.CPU_TIME: "Time limit exceeded",
    Outcome.STDOUT: "stdout length exceeded",
    Outcome.STDERR: "stderr length exceeded",
}


class ProgramNotFound(RequestError):
    """The client has no program that waits under this token; it may have ended."""

    def __init__(self) -> None:
        super().__init__("No program waits under this continuation_token: start it again")


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the results of its calls so far, by their ids.

    `token` is that of its record; None before its first calls. `timeout` is in milliseconds.
    """

    code: str
    tools: Sequence[Mapping[str, Any]]
    files: Sequence[FileReference]
    timeout: int | None
    results: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    token: str | None = None


def read_program(body: Mapping[str, Any]) -> Program:
    """Check the first request of a program.

    Raises:
        RequestError: a field can't be used.
    """
    language = body.get("language", body.get("lang", _PYTHON[0]))
    if language not in _PYTHON:
        raise RequestError("Programs that call tools are Python: language must be python")
    code = body.get("code")
    if not isinstance(code, str):
        raise RequestError("code is required as a string")
    encode_text(code, "code")
    tools = body.get("tools") or []
    if not isinstance(tools, list) or len(tools) > _MAX_TOOLS:
        raise RequestError(f"tools must be an array of {_MAX_TOOLS} objects at most")
    timeout = body.get("timeout")
    if timeout is not None and not (
        isinstance(timeout, (int, float)) and 1 <= timeout <= _MAX_TIMEOUT
    ):
        raise RequestError(f"If specified, timeout must be milliseconds, 1 to {_MAX_TIMEOUT}")
    return Program(
        code,
        [_read_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)],
        read_references(body.get("files")),
        None if timeout is None else int(timeout),
    )


def continue_program(body: Mapping[str, Any], store: Store, owner: str) -> Program:
    """Get the program of a continuation, with the results that the request has.

    Raises:
        ProgramNotFound: there is none.
        RequestError: the results can't be used.
        StorageError: the store can't be used.
    """
    token, results = body["continuation_token"], body.get("tool_results")
    if not isinstance(token, str) or not is_id(token):
        raise ProgramNotFound
    if not isinstance(results, list):
        raise RequestError("tool_results is required as an array")
    record = store.get(_KIND, owner, token)
    if record is None:
        raise ProgramNotFound
    program = _decode(record)
    new = dict(_read_result(each, f"tool_results[{n}]") for n, each in enumerate(results))
    return dataclasses.replace(program, results={**program.results, **new})


def make_job(
    program: Program, inputs: Sequence[Input], runtimes: Runtimes, settings: Settings
) -> tuple[Job, str]:
    """Make the job of a program.

    Returns:
        The job, and the name of the file with its calls.

    Raises:
        LanguageUnavailable: there is no Python.
    """
    environment = find_environment("py", runtimes, settings)
    taken = [each.file.name for each in inputs]
    names: list[str] = []
    for name in (_RUNNER, _CODE, _STATE, _CALLS):
        names.append(free_name(name, [*taken, *names]))
    runner, code, state, calls = names
    known = {"tools": list(program.tools), "results": dict(program.results)}
    own = [
        File(runner, _runner()),
        File(code, program.code.encode()),
        File(state, json.dumps(known).encode()),
    ]
    longest = environment.limits.stages["run"].wall_ms
    job = build_job(
        environment.target,
        settings,
        [*own, *(each.file for each in inputs)],
        code={runner},
        arguments=(code, state, calls),
        limits={"run": RequestedLimits(wall_ms=min(program.timeout or longest, longest))},
        effective=environment.limits,
        output_files=(*PATTERNS, glob.escape(calls)),
        workdir=WORKDIR,
    )
    return job, calls


def take_calls(result: Result, name: str) -> tuple[list[dict[str, Any]], Result]:
    """Return the calls that a program waits for, and its result without their file.

    The program may have written the file itself: what is no call is left out.
    """
    found = next((file for file in result.files if file.name == name), None)
    if found is None:
        return [], result
    files = tuple(file for file in result.files if file.name != name)
    return _read_calls(found), dataclasses.replace(result, files=files)


def keep(program: Program, store: Store, owner: str) -> str:
    """Keep a program until its results come; return its token.

    Raises:
        StoreFull, StorageError: it can't be kept.
    """
    content = _encode(program)
    if program.token is not None and store.replace(_KIND, owner, program.token, content):
        return program.token
    token = random_id()
    expires = time.time() + _TTL_SECONDS
    store.add([Record(_KIND, token, owner, content, expires)], evict=True)
    return token


def drop(program: Program, store: Store, owner: str) -> None:
    """Forget a program that has ended."""
    if program.token is not None:
        store.delete(_KIND, owner, program.token)


def calls_reply(token: str, calls: Sequence[Mapping[str, Any]], session_id: str) -> dict[str, Any]:
    return {
        "status": "tool_call_required",
        "session_id": session_id,
        "continuation_token": token,
        "tool_calls": list(calls),
    }


def ended_reply(
    program: Program, result: Result, outputs: Outputs, session_id: str
) -> dict[str, Any]:
    reply = exec_reply(result, outputs, session_id)
    kept = ("session_id", "stdout", "stderr", "files")
    ended: dict[str, Any] = {name: reply[name] for name in kept}
    ended |= {"status": "completed", "tool_calls_made": len(program.results)}
    ended["execution_time"] = reply["wall_time"]
    verdict = result.last.verdict
    if verdict.failed:
        ended["status"] = "error"
        code = f"Sandbox exited with code {verdict.shell_code}"
        ended["error"] = _ERRORS.get(verdict.outcome, code)
    return ended


def error_reply(error: RequestError, session_id: str) -> dict[str, Any]:
    """Write what the model has to see of a request that can't be carried out."""
    return {
        "status": "error",
        "session_id": session_id,
        "error": str(error),
        "stdout": "",
        "stderr": f"{error}\n",
        "files": [],
    }


def _read_tool(tool: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not tool["name"]:
        raise RequestError(f"{where} must be an object with a name")
    parameters = tool.get("parameters")
    if not isinstance(parameters, dict):
        parameters = {}
    properties, required = parameters.get("properties"), parameters.get("required")
    return {
        "name": tool["name"],
        "description": tool.get("description") if _is_text(tool.get("description")) else "",
        "parameters": {
            "properties": properties if isinstance(properties, dict) else {},
            "required": required if isinstance(required, list) else [],
        },
    }


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _read_result(result: Any, where: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(result, dict) or not isinstance(result.get("call_id"), str):
        raise RequestError(f"{where} must be an object with a call_id")
    known = ("result", "is_error", "error_message")
    return result["call_id"], {name: result.get(name) for name in known}


def _read_calls(file: OutputFile) -> list[dict[str, Any]]:
    try:
        found = parse_json(file.content)
    except RequestError:
        return []
    calls = found if isinstance(found, list) else []
    return [
        {"id": call["id"], "name": call["name"], "input": call["input"]}
        for call in calls[:_MAX_CALLS]
        if isinstance(call, dict)
        and isinstance(call.get("id"), str)
        and isinstance(call.get("name"), str)
        and isinstance(call.get("input"), dict)
    ]


def _encode(program: Program) -> bytes:
    return json.dumps(dataclasses.asdict(program) | {"token": None}).encode()


def _decode(record: Record) -> Program:
    known = json.loads(record.content)
    files = [FileReference(**each) for each in known.pop("files")]
    return Program(**known | {"files": files, "token": record.key})


@cache
def _runner() -> bytes:
    return Path(__file__).with_name("tool_runner.py").read_bytes()
