"""Verdicts and results as plain data."""

import pytest

from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, Result, StageResult, Verdict, outcome_of


def verdict(outcome: Outcome, code: int | None = None, signal: str | None = None) -> Verdict:
    return Verdict(outcome, code, signal, oom_killed=False, wall_ms=1, cpu_ms=1, memory=1)


@pytest.mark.parametrize(
    ("code", "signal", "oom_killed", "outcome"),
    [
        (0, None, False, Outcome.OK),
        (0, None, True, Outcome.OK),
        (1, None, False, Outcome.EXIT),
        (1, None, True, Outcome.MEMORY),
        (None, "SIGSEGV", False, Outcome.SIGNAL),
        (None, "SIGKILL", True, Outcome.MEMORY),
    ],
)
def test_outcome(code: int | None, signal: str | None, oom_killed: bool, outcome: Outcome) -> None:
    assert outcome_of(code, signal, oom_killed=oom_killed) is outcome


def test_limits_are_those_at_which_the_supervisor_kills() -> None:
    limits = {each for each in Outcome if each.is_limit}
    assert limits == {Outcome.WALL_TIME, Outcome.CPU_TIME, Outcome.STDOUT, Outcome.STDERR}


@pytest.mark.parametrize(
    ("found", "shell_code", "failed"),
    [
        (verdict(Outcome.OK, 0), 0, False),
        (verdict(Outcome.EXIT, 255), 255, True),
        (verdict(Outcome.SIGNAL, None, "SIGSEGV"), 139, True),
        (verdict(Outcome.SIGNAL, None, "SIGRT40"), 168, True),
        (verdict(Outcome.WALL_TIME, None, "SIGKILL"), 137, True),
    ],
)
def test_shell_code(found: Verdict, shell_code: int, failed: bool) -> None:
    assert (found.shell_code, found.failed) == (shell_code, failed)


def test_streams() -> None:
    pieces = ((Stream.STDOUT, b"a"), (Stream.STDERR, b"b"), (Stream.STDOUT, b"c"))
    stage = StageResult("run", verdict(Outcome.OK, 0), Output(pieces))
    assert (stage.stdout, stage.stderr, stage.output) == (b"ac", b"b", b"abc")
    assert Result((stage,)).last is stage
