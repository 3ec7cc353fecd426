"""Verdicts in Piston's words."""

import pytest

from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.verdicts import detail, message, status
from bitrun.model.job import Limits
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


LIMITS = Limits(wall_ms=1, cpu_ms=2, output=3, memory=4, stack=5, processes=6)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (verdict(Outcome.OK, 0), None),
        (verdict(Outcome.OK, 0, oom=True), None),
        (verdict(Outcome.EXIT, 3), "Exited with error status 3"),
        (verdict(Outcome.SIGNAL, signal="SIGSEGV"), "Caught fatal signal 11 (SIGSEGV)"),
        (verdict(Outcome.WALL_TIME), "Time limit exceeded: 1 ms of wall time"),
        (verdict(Outcome.CPU_TIME), "Time limit exceeded: 2 ms of CPU time"),
        (verdict(Outcome.STDOUT), "Output limit exceeded: 3 bytes on stdout"),
        (verdict(Outcome.STDERR), "Output limit exceeded: 3 bytes on stderr"),
        (verdict(Outcome.MEMORY, oom=True), "Memory limit exceeded: 4 bytes"),
        (verdict(Outcome.MEMORY, 1, oom=True), "Memory limit exceeded: 4 bytes"),
    ],
)
def test_details_have_the_limit(found: Verdict, sentence: str | None) -> None:
    assert detail(found.under(LIMITS)) == sentence


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_details(outcome: Outcome) -> None:
    found = verdict(outcome, 0 if outcome is Outcome.OK else None).under(LIMITS)
    assert (detail(found) is None) == (outcome is Outcome.OK)


def test_reply() -> None:
    assert verdict_reply(verdict(Outcome.MEMORY, oom=True)) == {
        "code": None,
        "signal": "SIGKILL",
        "status": "SG",
        "message": "Memory limit exceeded",
        "verdict": "memory",
        "detail": "Memory limit exceeded",
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
