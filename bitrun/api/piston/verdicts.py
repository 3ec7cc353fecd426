"""Verdicts in Piston's words, which the additional headers of v1 use, too."""

from bitrun.model.result import Outcome, Verdict
from bitrun.model.signals import SIGNAL_NUMBERS

_STATUSES = {
    Outcome.OK: None,
    Outcome.EXIT: "RE",
    Outcome.SIGNAL: "SG",
    Outcome.WALL_TIME: "TO",
    Outcome.CPU_TIME: "TO",
    Outcome.STDOUT: "OL",
    Outcome.STDERR: "EL",
}
_MESSAGES = {
    Outcome.OK: None,
    Outcome.MEMORY: "Memory limit exceeded",
    Outcome.WALL_TIME: "Time limit exceeded (wall clock)",
    Outcome.CPU_TIME: "Time limit exceeded",
    Outcome.STDOUT: "stdout length exceeded",
    Outcome.STDERR: "stderr length exceeded",
}


def status(verdict: Verdict) -> str | None:
    """Return Piston's two letters: None, RE, SG, TO, OL or EL.

    Piston knows no status for memory: the program ended by a signal or with an exit code.
    """
    if verdict.outcome is Outcome.MEMORY:
        return "RE" if verdict.signal is None else "SG"
    return _STATUSES[verdict.outcome]


def message(verdict: Verdict) -> str | None:
    """Return Piston's sentence for the verdict, None for a program that exited with 0."""
    if verdict.outcome is Outcome.EXIT:
        return f"Exited with error status {verdict.code}"
    if verdict.outcome is Outcome.SIGNAL:
        return f"Caught fatal signal {SIGNAL_NUMBERS.get(verdict.signal or '', verdict.signal)}"
    return _MESSAGES[verdict.outcome]
