"""Batches: their cases, requests and results.

No I/O, so the clients for threads and for asyncio share it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from bitrun.client import calls
from bitrun.client.calls import RunOptions
from bitrun.client.output_files import DroppedFile, OutputFile
from bitrun.client.results import Stage, Verdict

PATH = "/api/v2/execute/batch"

Compare = Literal["exact", "lines", "tokens", "numbers"]


class Reason(StrEnum):
    """Why a run is accepted or not, in one word. Those from EXIT to STDERR are of `Outcome`."""

    OK = "ok"  # accepted
    WRONG = "wrong"  # another output than expected, or rejected by the checker or interactor
    EXIT = "exit"
    SIGNAL = "signal"
    MEMORY = "memory"
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    STDOUT = "stdout"
    STDERR = "stderr"
    COMPILE = "compile"  # the program was not compiled
    CHECKER = "checker"  # the checker failed, which says nothing about the program
    INTERACTOR = "interactor"
    SKIPPED = "skipped"  # not begun, because an earlier run has failed
    ERROR = "error"  # the run could not be carried out


@dataclass(frozen=True, slots=True)
class Case:
    """One run of a batch. What is None is taken from the options of the batch.

    `files` are data for the program, and are not compiled. `timeout` and `cpu_time` are seconds,
    `memory` is bytes.
    """

    stdin: str | None = None
    expected_output: str | None = None
    args: Sequence[str] | None = None
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    timeout: float | None = None
    cpu_time: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class JudgeProgram:
    """A checker or an interactor; without `code`, the first of `files` is the program."""

    language: str
    code: str | None = None
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    version: str = "*"


class BatchOptions(RunOptions, total=False):
    """Options of a batch, in addition to those of a run.

    `compare` selects the comparison with the expected output, `tolerance` is that of numbers. A
    `checker` or an `interactor` decides instead. `stop_on_failure` begins no run after the first
    that is not accepted.
    """

    compare: Compare
    tolerance: float
    checker: JudgeProgram
    interactor: JudgeProgram
    stop_on_failure: bool


@dataclass(frozen=True, slots=True)
class JudgeEnd:
    """How a checker or an interactor ended, and the beginning of what it wrote."""

    output: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to one run: `index` is that of its case.

    `run` is the last stage of the program, None if it did not run. `message` says what differs, or
    why the run could not be carried out. `files` and `files_dropped` are those of `Result`.
    """

    index: int
    accepted: bool
    reason: Reason
    message: str | None = None
    run: Stage | None = None
    judge: JudgeEnd | None = None
    files: tuple[OutputFile, ...] = ()
    files_dropped: tuple[DroppedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Result of a batch. `compilation` is None for a language without; `runs` are in order."""

    language: str
    version: str
    accepted: bool
    compilation: Stage | None
    runs: tuple[Judged, ...]


OnJudged = Callable[[Judged], None]


def body(
    language: str, code: str | None, cases: Sequence[Case], options: BatchOptions
) -> dict[str, Any]:
    """Write the request.

    Raises:
        Refused: a limit is no possible time or size.
        TypeError: there is no such option.
    """
    fields = calls.write_job(language, code, options, BatchOptions)
    fields["runs"] = [_case(case) for case in cases]
    if (checker := options.get("checker")) is not None:
        fields["checker"] = _judge(checker)
    if (interactor := options.get("interactor")) is not None:
        fields["interactor"] = _judge(interactor)
    how = {name: options.get(name) for name in ("compare", "tolerance", "stop_on_failure")}
    return fields | {name: value for name, value in how.items() if value is not None}


def read_run(payload: Mapping[str, Any]) -> Judged:
    """Read a run of a batch's stream."""
    run, judge = payload.get("run"), payload.get("judge")
    return Judged(
        index=payload["index"],
        accepted=payload["accepted"],
        reason=Reason(payload["reason"]),
        message=payload["message"],
        run=None if run is None else calls.read_stage("run", run),
        judge=None if judge is None else JudgeEnd(judge["output"], calls.read_verdict(judge)),
        files=calls.read_files(payload),
        files_dropped=calls.read_dropped_files(payload),
    )


def read_batch(
    head: Mapping[str, Any], runs: Mapping[int, Judged], last: Mapping[str, Any]
) -> BatchResult:
    """Read the first and the last line of a batch's stream; `runs` are those between them."""
    compilation = head.get("compile")
    return BatchResult(
        head["language"],
        head["version"],
        last["accepted"],
        None if compilation is None else calls.read_stage("compile", compilation),
        tuple(runs[index] for index in range(len(runs))),
    )


def _case(case: Case) -> dict[str, Any]:
    fields = {
        "stdin": case.stdin,
        "expected_output": case.expected_output,
        "args": None if case.args is None else calls.texts("args", case.args),
        "files": [calls.file(name, content) for name, content in case.files.items()] or None,
        "run_timeout": calls.milliseconds("timeout", case.timeout),
        "run_cpu_time": calls.milliseconds("cpu_time", case.cpu_time),
        "run_memory_limit": calls.number("memory", case.memory),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _judge(program: JudgeProgram) -> dict[str, Any]:
    job = calls.job(program.language, program.code, files=program.files, version=program.version)
    return {name: job[name] for name in ("language", "version", "files")}
