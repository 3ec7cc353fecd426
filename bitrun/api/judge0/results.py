"""Results of submissions, as the store has them."""

import time
from collections.abc import Sequence
from typing import Any

from bitrun.api.judge0.limits import KILOBYTE, MS_PER_SECOND
from bitrun.api.judge0.statuses import Status, status_of
from bitrun.api.judge0.submission import Submission, encoded
from bitrun.api.piston import verdicts
from bitrun.execution.judging.batch import JudgedBatch
from bitrun.execution.judging.judgement import Judgement, trim
from bitrun.model.errors import Busy, ServiceError
from bitrun.model.result import StageResult
from bitrun.model.signals import SIGNAL_NUMBERS


def judged_result(submission: Submission, judged: JudgedBatch) -> dict[str, Any]:
    """Wait for the runs of a submission, and return its result.

    Raises:
        ServiceError, Busy, ClientDisconnected: a run could not be carried out.
    """
    judgements: dict[int, Judgement] = {}
    for index, judgement in trim(judged.judgements):
        if isinstance(judgement.error, (ServiceError, Busy)):
            raise judgement.error
        judgements[index] = judgement
    ordered = [judgements[index] for index in sorted(judgements)]
    first = next((each for each in ordered if not each.accepted), ordered[0])
    result = _result(first) | _compilation(judged.compilation, first)
    if submission.test_cases is not None:
        return result | {"test_cases": [_result(each) for each in ordered]}
    return result | _means(ordered)


def failed_result(status: Status, message: str) -> dict[str, Any]:
    """Return the result of a submission that could not be judged."""
    return _empty(status, message)


def _empty(status: Status, message: str | None = None) -> dict[str, Any]:
    return {
        "status": int(status),
        "stdout": None,
        "stderr": None,
        "compile_output": None,
        "message": None if message is None else encoded(message.encode(errors="replace")),
        "exit_code": None,
        "exit_signal": None,
        "time": None,
        "wall_time": None,
        "memory": None,
        "finished_at": time.time(),
        "test_cases": None,
    }


def _result(judgement: Judgement) -> dict[str, Any]:
    result = _empty(status_of(judgement), _message(judgement))
    run = judgement.run
    if run is None or run.name != "run":
        return result
    verdict = run.verdict
    return result | {
        "stdout": _output(run.stdout),
        "stderr": _output(run.stderr),
        "exit_code": verdict.code,
        "exit_signal": None if verdict.signal is None else SIGNAL_NUMBERS.get(verdict.signal),
        "time": verdict.cpu_ms / MS_PER_SECOND,
        "wall_time": verdict.wall_ms / MS_PER_SECOND,
        "memory": verdict.memory // KILOBYTE,
    }


def _compilation(stage: StageResult | None, judgement: Judgement) -> dict[str, Any]:
    """Return what the compiler wrote, and why it has failed if it says nothing of that."""
    if stage is None and judgement.run is not None and judgement.run.name == "compile":
        stage = judgement.run
    if stage is None:
        return {}
    output = stage.output
    if stage.verdict.limit is not None:
        gap = "\n" if output else ""
        output += f"{gap}{verdicts.detail(stage.verdict)}".encode()
    return {"compile_output": _output(output)}


def _means(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Return the means of all runs."""
    ran = [each.run.verdict for each in judgements if each.run and each.run.name == "run"]
    if len(ran) <= 1:
        return {}
    return {
        "time": sum(each.cpu_ms for each in ran) / len(ran) / MS_PER_SECOND,
        "wall_time": sum(each.wall_ms for each in ran) / len(ran) / MS_PER_SECOND,
        "memory": sum(each.memory for each in ran) // len(ran) // KILOBYTE,
    }


def _message(judgement: Judgement) -> str | None:
    """Say how the run ended: Judge0's sentence, with the limit where there is one."""
    if judgement.error is not None:
        return str(judgement.error)
    run = judgement.run
    if run is None or run.name != "run" or not run.verdict.failed:
        return None
    if run.verdict.limit is not None:
        return verdicts.detail(run.verdict)
    return verdicts.message(run.verdict)


def _output(data: bytes) -> str | None:
    return encoded(data) if data else None
