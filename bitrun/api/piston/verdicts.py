"""Verdicts in Piston's words, and as a sentence with the limit, which other dialects use, too."""

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
# With the limit that was exceeded, which Piston's sentences lack.
_DETAILS = {
    Outcome.MEMORY: "Memory limit exceeded: {} bytes",
    Outcome.WALL_TIME: "Time limit exceeded: {} ms of wall time",
    Outcome.CPU_TIME: "Time limit exceeded: {} ms of CPU time",
    Outcome.STDOUT: "Output limit exceeded: {} bytes on stdout",
    Outcome.STDERR: "Output limit exceeded: {} bytes on stderr",
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


def detail(verdict: Verdict) -> str | None:
    """Return a sentence with the limit or the signal; None for a program that exited with 0."""
    if verdict.limit is not None:
        return _DETAILS[verdict.outcome].format(verdict.limit)
    if verdict.outcome is Outcome.SIGNAL:
        return f"{message(verdict)} ({verdict.signal})"
    return message(verdict)
