"""The exit code of `bitrun run`, and what it says besides."""

import pytest

from bitrun.cli.exits import exit_code, explanation
from bitrun.client import Outcome, Verdict


def verdict(
    outcome: Outcome, code: int | None = None, signal: str | None = None, detail: str | None = None
) -> Verdict:
    return Verdict(
        outcome,
        code,
        signal,
        status=None,
        message=None,
        detail=detail,
        oom_killed=outcome is Outcome.MEMORY,
        wall_ms=1,
        cpu_ms=1,
        memory=1,
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (verdict(Outcome.OK, 0), 0),
        (verdict(Outcome.EXIT, 3), 3),
        (verdict(Outcome.SIGNAL, signal="SIGSEGV"), 139),
        (verdict(Outcome.MEMORY, signal="SIGKILL"), 137),
        (verdict(Outcome.WALL_TIME, signal="SIGKILL"), 124),
        (verdict(Outcome.CPU_TIME, signal="SIGKILL"), 124),
        (verdict(Outcome.STDOUT, signal="SIGKILL"), 137),
    ],
)
def test_exit_code(found: Verdict, code: int) -> None:
    assert exit_code(found) == code


@pytest.mark.parametrize(
    ("stage", "found", "text"),
    [
        ("run", verdict(Outcome.OK, 0), None),
        ("run", verdict(Outcome.EXIT, 3, detail="Exited with error status 3"), None),
        ("run", verdict(Outcome.SIGNAL, None, "SIGSEGV", "Caught fatal signal 11 (SIGSEGV)"),
         "Caught fatal signal 11 (SIGSEGV)"),
        ("run", verdict(Outcome.MEMORY, None, "SIGKILL", "Memory limit exceeded: 9 bytes"),
         "Memory limit exceeded: 9 bytes"),
        ("compile", verdict(Outcome.EXIT, 1, detail="Exited with error status 1"),
         "Compiling failed: Exited with error status 1"),
    ],
)  # fmt: skip
def test_explanation(stage: str, found: Verdict, text: str | None) -> None:
    assert explanation(stage, found) == text
