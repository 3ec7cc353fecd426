"""Results as codapi writes them."""

from typing import Any

from bitrun.api.piston import verdicts
from bitrun.api.piston.reply import stage_reply
from bitrun.model.result import Result


def exec_reply(result: Result, run_id: str, milliseconds: int) -> dict[str, Any]:
    """Write a result: the output of the last stage that ran.

    The widget shows stderr only where stdout is empty. So of a program that fails stdout is empty,
    and stderr has all of its output and how it ended.
    """
    stage = stage_reply(result.last)
    verdict = result.last.verdict
    stdout, stderr = stage["stdout"], stage["stderr"]
    if verdict.failed:
        output = stage["output"]
        gap = "\n" if output and not output.endswith("\n") else ""
        stdout, stderr = "", f"{output}{gap}{verdicts.detail(verdict)}"
    return {
        "id": run_id,
        "ok": not verdict.failed,
        "duration": milliseconds,
        "stdout": stdout,
        "stderr": stderr,
    }
