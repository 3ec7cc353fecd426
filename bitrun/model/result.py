"""Results: the verdict and the output of each stage of a job."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bitrun.model.job import Limits, StageName
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import DroppedFile, OutputFile
from bitrun.model.signals import SIGNAL_NUMBERS


class Outcome(StrEnum):
    """How a stage ended, in one word for every client, the log and the metrics."""

    OK = "ok"  # exit code 0
    EXIT = "exit"  # another exit code
    SIGNAL = "signal"  # of the program's own, such as a crash
    MEMORY = "memory"  # a process was killed because the memory limit was reached
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    STDOUT = "stdout"  # more output than the limit allows
    STDERR = "stderr"

    @property
    def is_limit(self) -> bool:
        """Whether the supervisor killed the stage at a limit."""
        return self in _LIMITS


_OWN = frozenset((Outcome.OK, Outcome.EXIT, Outcome.SIGNAL))
_LIMITS = frozenset((Outcome.WALL_TIME, Outcome.CPU_TIME, Outcome.STDOUT, Outcome.STDERR))


def outcome_of(code: int | None, signal: str | None, *, oom_killed: bool) -> Outcome:
    """Return the outcome of a stage that the supervisor did not kill at a limit.

    A program that exits with 0 has coped with a child that was killed for memory.
    """
    if code == 0:
        return Outcome.OK
    if oom_killed:
        return Outcome.MEMORY
    return Outcome.EXIT if signal is None else Outcome.SIGNAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a finished stage ended, as the kernel reports it.

    Exactly one of `code` (0 to 255) and `signal` (a name such as SIGSEGV) is set. Times are
    milliseconds; `cpu_ms` is the sum over all processes of the stage, dead ones included. `memory`
    is the peak of the box in bytes. `oom_killed` says that the kernel killed a process for memory,
    whatever the outcome. `limit` is the value of the limit that the outcome names, in milliseconds
    or bytes; None if it names none, or the value is not known.
    """

    outcome: Outcome
    code: int | None
    signal: str | None
    oom_killed: bool
    wall_ms: float
    cpu_ms: float
    memory: int
    limit: int | None = None

    @property
    def failed(self) -> bool:
        return self.outcome is not Outcome.OK

    def under(self, limits: Limits) -> Self:
        """Return the verdict with the limit that its outcome names."""
        values = {
            Outcome.MEMORY: limits.memory,
            Outcome.WALL_TIME: limits.wall_ms,
            Outcome.CPU_TIME: limits.cpu_ms,
            Outcome.STDOUT: limits.output,
            Outcome.STDERR: limits.output,
        }
        return dataclasses.replace(self, limit=values.get(self.outcome))

    @property
    def is_own(self) -> bool:
        """Whether the program ended by itself: with an exit code or a signal, within its limits."""
        return self.outcome in _OWN and not self.oom_killed

    @property
    def shell_code(self) -> int:
        """The exit code as a shell reports it: 128+N when signal N ended the program."""
        if self.code is not None:
            return self.code
        return 128 + SIGNAL_NUMBERS.get(self.signal or "", 0)


@dataclass(frozen=True, slots=True)
class StageResult:
    """A finished stage and its output; `cached` if an earlier identical one is what has run."""

    name: StageName
    verdict: Verdict
    streams: Output
    cached: bool = False

    @property
    def stdout(self) -> bytes:
        return self.streams.of(Stream.STDOUT)

    @property
    def stderr(self) -> bytes:
        return self.streams.of(Stream.STDERR)

    @property
    def output(self) -> bytes:
        return bytes(self.streams)


@dataclass(frozen=True, slots=True)
class Result:
    """The stages that ran, in order, never empty; and the files that the job has asked for."""

    stages: tuple[StageResult, ...]
    files: tuple[OutputFile, ...] = ()
    files_dropped: tuple[DroppedFile, ...] = ()

    @property
    def last(self) -> StageResult:
        return self.stages[-1]
