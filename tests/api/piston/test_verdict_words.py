"""Verdicts in Piston's words."""

import pytest

from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.verdicts import message, status
from bitrun.model.result import Outcome, Verdict


def verdict(
    outcome: Outcome, code: int | None = None, signal: str | None = "SIGKILL", *, oom: bool = False
) -> Verdict:
    if code is not None:
        signal = None
    return Verdict(outcome, code, signal, oom_killed=oom, wall_ms=1.6, cpu_ms=1.4, memory=7)


@pytest.mark.parametrize(
    ("found", "letters", "sentence"),
    [
        (verdict(Outcome.OK, 0), None, None),
        (verdict(Outcome.OK, 0, oom=True), None, None),
        (verdict(Outcome.EXIT, 3), "RE", "Exited with error status 3"),
        (verdict(Outcome.SIGNAL, signal="SIGSEGV"), "SG", "Caught fatal signal 11"),
        (verdict(Outcome.SIGNAL, signal="SIGRT40"), "SG", "Caught fatal signal 40"),
        (verdict(Outcome.MEMORY, oom=True), "SG", "Memory limit exceeded"),
        (verdict(Outcome.MEMORY, 1, oom=True), "RE", "Memory limit exceeded"),
        (verdict(Outcome.WALL_TIME), "TO", "Time limit exceeded (wall clock)"),
        (verdict(Outcome.CPU_TIME), "TO", "Time limit exceeded"),
        (verdict(Outcome.STDOUT), "OL", "stdout length exceeded"),
        (verdict(Outcome.STDERR), "EL", "stderr length exceeded"),
    ],
)
def test_words(found: Verdict, letters: str | None, sentence: str | None) -> None:
    assert (status(found), message(found)) == (letters, sentence)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words(outcome: Outcome) -> None:
    found = verdict(outcome, 0 if outcome is Outcome.OK else None)
    assert (status(found) is None) == (message(found) is None) == (outcome is Outcome.OK)


def test_reply() -> None:
    assert verdict_reply(verdict(Outcome.MEMORY, oom=True)) == {
        "code": None,
        "signal": "SIGKILL",
        "status": "SG",
        "message": "Memory limit exceeded",
        "verdict": "memory",
        "memory": 7,
        "cpu_time": 1,
        "wall_time": 2,
        "oom_killed": True,
    }
    assert "oom_killed" not in verdict_reply(verdict(Outcome.EXIT, 1))


def test_characters_split_across_two_reads() -> None:
    decoder = new_decoder()
    parts = [decoder.decode(part) for part in (b"\xc3", b"\xa4\xff", b"\xc3")]
    assert [*parts, decoder.decode(b"", final=True)] == ["", "ä\ufffd", "", "\ufffd"]
