"""What each run was and came to, told once it is over: the log and the metrics live on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bitrun.model.errors import ClientDisconnected, RequestError, SessionEnded
from bitrun.model.job import Job, StageName
from bitrun.model.result import Verdict

MILLISECONDS = 1000


@dataclass(slots=True)
class RunRecord:
    """One run. Times are seconds, and None of a phase that it did not go through.

    `verdict` is `Verdict.word`, or `gone` (its caller left first), `refused` (its files or its
    command can't be used) or `fault` (the engine or the box failed).
    """

    job: Job
    queue: float | None = None
    box: float | None = None
    run: float | None = None
    container: str | None = None
    pool: str | None = None
    verdict: str = "fault"
    stages: list[tuple[StageName, Verdict]] = field(default_factory=list)

    def close(self, error: BaseException | None) -> None:
        """Say how it ended: with this error, or with the verdict of its last stage."""
        match error:
            case None if self.stages:
                self.verdict = self.stages[-1][1].outcome
            case ClientDisconnected() | SessionEnded():
                self.verdict = "gone"
            case RequestError():
                self.verdict = "refused"

    def facts(self) -> dict[str, Any]:
        """Return the fields of a log line: nothing of the program, its input or its output."""
        facts: dict[str, Any] = {
            "language": self.job.language,
            "version": self.job.version,
            "package": self.job.package,
            "verdict": self.verdict,
        }
        if self.container is not None:
            facts |= {"box": self.container[:12], "pool": self.pool}
        if self.stages:
            verdicts = [verdict for _, verdict in self.stages]
            facts |= {
                "stage": self.stages[-1][0],
                "wall_ms": round(sum(verdict.wall_ms for verdict in verdicts), 1),
                "cpu_ms": round(sum(verdict.cpu_ms for verdict in verdicts), 1),
                "memory": max(verdict.memory for verdict in verdicts),
            }
        for phase, seconds in self.phases().items():
            facts[f"{phase}_ms"] = round(seconds * MILLISECONDS, 2)
        return facts

    def phases(self) -> dict[str, float]:
        """Return the seconds of each phase that it went through."""
        phases = {"queue": self.queue, "box": self.box, "run": self.run}
        return {phase: seconds for phase, seconds in phases.items() if seconds is not None}


OnFinished = Callable[[RunRecord], None]
