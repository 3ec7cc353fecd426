"""Results as SandboxFusion writes them."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from bitrun.api.piston import verdicts
from bitrun.api.sandboxfusion.request import Program
from bitrun.model.output_files import DroppedFile, OutputFile
from bitrun.model.result import Outcome, Result, StageResult, Verdict
from bitrun.model.signals import SIGNAL_NUMBERS

_TIMES = (Outcome.WALL_TIME, Outcome.CPU_TIME)
_MS_PER_SECOND = 1000


def run_reply(program: Program, result: Result) -> dict[str, Any]:
    """Write a result, with the files that its client wants.

    `message` says which limit was exceeded, and which files are missing; the original leaves it
    empty.
    """
    return stages_reply(result.stages, result.files_dropped) | {
        "files": wanted_files(program, result.files)
    }


def stages_reply(
    stages: Iterable[StageResult], dropped: Sequence[DroppedFile] = ()
) -> dict[str, Any]:
    """Write the stages that ran."""
    by_name = {stage.name: stage for stage in stages}
    failed = any(stage.verdict.failed for stage in by_name.values())
    sentences = [
        verdicts.detail(stage.verdict) or ""
        for stage in by_name.values()
        if stage.verdict.limit is not None
    ]
    sentences += [f"{file.name}: {file.message}" for file in dropped]
    return {
        "status": "Failed" if failed else "Success",
        "message": "\n".join(sentences),
        "compile_result": _stage(by_name.get("compile")),
        "run_result": _stage(by_name.get("run")),
        "executor_pod_name": None,
        "files": {},
    }


def _stage(stage: StageResult | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    verdict = stage.verdict
    late = verdict.outcome in _TIMES
    return {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": verdict.wall_ms / _MS_PER_SECOND,
        "cpu_time": verdict.cpu_ms / _MS_PER_SECOND,
        "return_code": None if late else _return_code(verdict),
        "stdout": stage.stdout.decode(errors="replace"),
        "stderr": stage.stderr.decode(errors="replace"),
    }


def _return_code(verdict: Verdict) -> int:
    """Return the exit code as Python has it: -N if signal N has ended the program."""
    if verdict.code is not None:
        return verdict.code
    return -SIGNAL_NUMBERS.get(verdict.signal or "", 0)


def wanted_files(program: Program, made: Iterable[OutputFile]) -> dict[str, str]:
    """Return the wanted files by the names that they were wanted by.

    Those of the request are not among the made ones if the program has not changed them.
    """
    contents = {file.name: file.content for file in program.job.files}
    contents |= {file.name: file.content for file in made}
    return {
        name: base64.b64encode(contents[path]).decode()
        for path, name in program.fetched.items()
        if path in contents
    }
