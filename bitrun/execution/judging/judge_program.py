"""Programs of a judge: what a checker and an interactor get, and what their exit codes mean.

The order of the arguments and the exit codes are those of testlib, so that its programs work
without a change.
"""

import dataclasses
from enum import Enum, auto

from bitrun.model.job import File, Job
from bitrun.model.result import Outcome, Verdict

INPUT, OUTPUT, EXPECTED = "input", "output", "expected"
ARGUMENTS = (INPUT, OUTPUT, EXPECTED)
MAX_TEXT = 4096  # bytes of what such a program writes that are kept: the first

_REJECTED = (1, 2, 4, 8)  # wrong answer, presentation error, more than expected, too early an end


class Answer(Enum):
    """What the end of a judge's program says about the run."""

    ACCEPTED = auto()
    REJECTED = auto()
    FAILED = auto()  # the judge's program itself


def answer(verdict: Verdict) -> Answer:
    if verdict.outcome is Outcome.OK:
        return Answer.ACCEPTED
    if verdict.outcome is Outcome.EXIT and verdict.code in _REJECTED:
        return Answer.REJECTED
    return Answer.FAILED


def with_files(job: Job, **contents: bytes) -> Job:
    """Return the job with files of these names, which are there when its program starts.

    They belong to the run stage: the compilation is the same for all inputs.
    """
    *earlier, last = job.stages
    files = tuple(File(name, content) for name, content in contents.items())
    return dataclasses.replace(
        job, stages=(*earlier, dataclasses.replace(last, files=last.files + files))
    )
