"""Results as LibreChat reads them."""

from collections.abc import Iterable
from typing import Any

from bitrun.api.librechat.outputs import Outputs
from bitrun.api.piston import verdicts
from bitrun.api.piston.reply import stage_reply
from bitrun.model.errors import RequestError
from bitrun.model.result import Result

# As of a shell that does not find a command.
_NOT_FOUND = 127


def exec_reply(result: Result, outputs: Outputs, session_id: str) -> dict[str, Any]:
    """Write a result: the output of the last stage that ran.

    The tool shows the model stdout and stderr, and nothing else. So stderr says besides how a
    program has failed, and which of its files are not kept.
    """
    last = result.last
    stage = stage_reply(last)
    notes = [*outputs.missing]
    if last.verdict.failed:
        notes.insert(0, str(verdicts.detail(last.verdict)))
    return {
        "session_id": session_id,
        "stdout": stage["stdout"],
        "stderr": _with_notes(stage["stderr"], notes),
        "files": outputs.files,
        "code": last.verdict.code,
        "signal": last.verdict.signal,
        "message": stage["message"],
        "status": stage["status"],
        "wall_time": stage["wall_time"],
    }


def refusal_reply(error: RequestError, session_id: str) -> dict[str, Any]:
    """Write what the model has to see of a request that can't be carried out, as a run."""
    return {
        "session_id": session_id,
        "stdout": "",
        "stderr": f"{error}\n",
        "files": [],
        "code": _NOT_FOUND,
        "signal": None,
        "message": str(error),
        "status": "RE",
        "wall_time": 0,
    }


def _with_notes(stderr: str, notes: Iterable[str]) -> str:
    for note in notes:
        gap = "\n" if stderr and not stderr.endswith("\n") else ""
        stderr = f"{stderr}{gap}{note}\n"
    return stderr
