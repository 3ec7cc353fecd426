"""Record of a finished run, consumed by the log and the metrics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bitrun.model.errors import ClientDisconnected, RequestError, SessionEnded
from bitrun.model.job import Job, StageName
from bitrun.model.result import Outcome, Verdict

MILLISECONDS = 1000


class NoVerdict(StrEnum):
    """Why a run ended without a verdict, in one word for the log and the metrics."""

    DISCONNECTED = "disconnected"  # the client left first
    REJECTED = "rejected"  # a file or the command can't be used
    ERROR = "error"  # the engine or the box failed


RunOutcome = Outcome | NoVerdict


@dataclass(slots=True)
class RunRecord:
    """One run. Times are seconds, and None of a phase that it did not go through.

    `stages` are those that have run. `compile_cached` says that the compile stage need not.
    """

    job: Job
    queue: float | None = None
    box: float | None = None
    run: float | None = None
    container: str | None = None
    pool: str | None = None
    outcome: RunOutcome = NoVerdict.ERROR
    compile_cached: bool = False
    stages: list[tuple[StageName, Verdict]] = field(default_factory=list)

    def close(self, error: BaseException | None) -> None:
        """Set the outcome: from the error that ended the run, or the verdict of its last stage."""
        match error:
            case None if self.stages:
                self.outcome = self.stages[-1][1].outcome
            case None if self.compile_cached:
                self.outcome = Outcome.OK
            case ClientDisconnected() | SessionEnded():
                self.outcome = NoVerdict.DISCONNECTED
            case RequestError():
                self.outcome = NoVerdict.REJECTED

    def fields(self) -> dict[str, Any]:
        """Return the fields of a log line: nothing of the program, its input or its output."""
        fields: dict[str, Any] = {
            "language": self.job.language,
            "version": self.job.version,
            "package": self.job.package,
            "verdict": self.outcome,
        }
        if self.container is not None:
            fields |= {"box": self.container[:12], "pool": self.pool}
        if self.compile_cached:
            fields["compile"] = "cached"
        if self.stages:
            verdicts = [verdict for _, verdict in self.stages]
            fields |= {
                "stage": self.stages[-1][0],
                "wall_ms": round(sum(verdict.wall_ms for verdict in verdicts), 1),
                "cpu_ms": round(sum(verdict.cpu_ms for verdict in verdicts), 1),
                "memory": max(verdict.memory for verdict in verdicts),
            }
        for phase, seconds in self.phases().items():
            fields[f"{phase}_ms"] = round(seconds * MILLISECONDS, 2)
        return fields

    def phases(self) -> dict[str, float]:
        """Return the seconds of each phase that the run went through."""
        phases = {"queue": self.queue, "box": self.box, "run": self.run}
        return {phase: seconds for phase, seconds in phases.items() if seconds is not None}


OnFinished = Callable[[RunRecord], None]
