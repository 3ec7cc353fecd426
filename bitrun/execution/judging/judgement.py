"""Judgements: whether a run is accepted, and why not."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bitrun.model.output import Output
from bitrun.model.output_files import Collected, DroppedFile, DropReason, Hold, hold_all
from bitrun.model.result import StageResult, Verdict

# Bytes of output and files of all runs together in an answer that is in memory as a whole.
MAX_OUTPUT = 4 * 1024 * 1024


class Reason(StrEnum):
    """Why a run is accepted or not, in one word.

    Those from EXIT to STDERR are outcomes of the program (`Outcome`).
    """

    OK = "ok"  # accepted
    WRONG = "wrong"  # another output than expected, or the checker or interactor says so
    EXIT = "exit"
    SIGNAL = "signal"
    MEMORY = "memory"
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    STDOUT = "stdout"
    STDERR = "stderr"
    COMPILE = "compile"  # the program was not compiled
    CHECKER = "checker"  # the checker has failed, which says nothing about the program
    INTERACTOR = "interactor"  # the same of the interactor
    SKIPPED = "skipped"  # not begun, because an earlier run has failed
    ERROR = "error"  # the run could not be carried out


@dataclass(frozen=True, slots=True)
class JudgeResult:
    """How a checker or an interactor ended, and the beginning of what it wrote."""

    verdict: Verdict
    text: bytes


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to one run.

    `run` is the last stage of the program, None if it did not run. `message` says what differs.
    `error` is the exception of a run that could not be carried out. `collected` are the files that
    the run was asked for, None if for none. `is_trimmed` if output and files have been left out.
    """

    reason: Reason
    run: StageResult | None = None
    message: str | None = None
    judge: JudgeResult | None = None
    error: Exception | None = None
    collected: Collected | None = None
    is_trimmed: bool = False

    @property
    def accepted(self) -> bool:
        return self.reason is Reason.OK

    @property
    def size(self) -> int:
        """Bytes of the output and of the files."""
        output = 0 if self.run is None else len(self.run.streams)
        files = () if self.collected is None else self.collected.files
        return output + sum(len(file.content) for file in files)

    def trimmed(self) -> Self:
        """Return it without output and files, for an answer that has MAX_OUTPUT bytes of others."""
        run, collected = self.run, self.collected
        if run is not None:
            run = dataclasses.replace(run, streams=Output())
        if collected is not None:
            missing = (
                DroppedFile(file.name, DropReason.TOTAL_SIZE, MAX_OUTPUT)
                for file in collected.files
            )
            collected = Collected(dropped=(*collected.dropped, *missing))
        return dataclasses.replace(self, run=run, collected=collected, is_trimmed=True)


def trim(
    judgements: Iterable[tuple[int, Judgement]], hold: Hold = hold_all
) -> Iterator[tuple[int, Judgement]]:
    """Yield judgements, with their indices, of which an answer has all at once.

    Outputs and files are left out beyond MAX_OUTPUT bytes, or once `hold`, which gets the bytes of
    each run, finds no memory for them.
    """
    left = MAX_OUTPUT
    for index, judgement in judgements:
        size = judgement.size
        if size <= left and hold(size):
            left -= size
            yield index, judgement
        else:
            yield index, judgement.trimmed()
