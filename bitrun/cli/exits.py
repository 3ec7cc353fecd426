"""Exit codes of the command: that of the program, or the reason why there is none."""

import sys

from bitrun.cli.output import printable
from bitrun.client import DroppedFile, Outcome, Verdict
from bitrun.model.signals import SIGNAL_NUMBERS

TIMED_OUT = 124  # as timeout(1)
NOT_RUN = 125  # as docker run
_SIGNALLED = 128  # as shells
INTERRUPTED = _SIGNALLED + SIGNAL_NUMBERS["SIGINT"]
PIPE_CLOSED = _SIGNALLED + SIGNAL_NUMBERS["SIGPIPE"]


def signal_code(number: int) -> int:
    """Return the exit code of a command that this signal has ended."""
    return _SIGNALLED + number


def exit_code(verdict: Verdict) -> int:
    if verdict.outcome in (Outcome.WALL_TIME, Outcome.CPU_TIME):
        return TIMED_OUT
    if verdict.code is not None:
        return verdict.code
    return _SIGNALLED + SIGNAL_NUMBERS.get(verdict.signal or "", 0)


def explanation(stage: str, verdict: Verdict) -> str | None:
    """Explain an exit code that is not the program's own; None if there is nothing to explain."""
    if verdict.detail is None:
        return None
    if stage == "compile":
        return f"Compiling failed: {verdict.detail}"
    return verdict.detail if verdict.code is None else None


def print_dropped(file: DroppedFile) -> None:
    """Say that a file is missing; the program has chosen its name, which may hold anything."""
    name = printable(file.name)
    print_error(f"{name} is not saved: {file.message}" if name else file.message)


def print_error(sentence: str) -> None:
    sys.stderr.write(f"bitrun: {sentence}\n")
