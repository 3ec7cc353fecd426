"""Results as Dify's sandbox writes them."""

from typing import Any

from bitrun.api.piston import verdicts
from bitrun.model.result import Result


def success(data: dict[str, Any]) -> dict[str, Any]:
    return {"code": 0, "message": "success", "data": data}


def run_data(result: Result) -> dict[str, Any]:
    """Write a result; `error` fails the node of the workflow, so a program that succeeds has none.

    It says how the program ended, and has what it wrote to stderr.
    """
    run = result.last
    stdout, stderr = (stream.decode(errors="replace") for stream in (run.stdout, run.stderr))
    error = f"{verdicts.detail(run.verdict)}\n{stderr}" if run.verdict.failed else ""
    return {
        "stdout": stdout,
        "stderr": stderr,
        "error": error,
        "exit_code": run.verdict.shell_code,
    }
