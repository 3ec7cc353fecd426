"""The soak's own judgement: a wrong answer is lost, whatever it looks like."""

from collections import Counter
from pathlib import Path

import pytest

from bitrun.model.result import Outcome, Result, StageResult, Stream, Verdict, outcome_of
from tools.conformance.programs import TASKS
from tools.soak import honest, hostile, page
from tools.soak.tally import Attempt, AttemptResult, Refused, Tally, TimedOut, Wrong


def ended(
    stdout: bytes, *, code: int = 0, limit: Outcome | None = None, wall_ms: int = 1
) -> Result:
    outcome = limit or outcome_of(code, None, oom_killed=False)
    verdict = Verdict(outcome, code, None, oom_killed=False, wall_ms=wall_ms, cpu_ms=1, memory=1)
    return Result((StageResult("run", verdict, ((Stream.STDOUT, stdout),)),))


def raising(error: Exception) -> Attempt:
    def act() -> None:
        raise error

    return Attempt("group", "name", act)


def test_what_counts_as_lost() -> None:
    tally = Tally()
    tally.take(Attempt("group", "name", lambda: None))
    for error in (Refused(), TimedOut(), Wrong("1 instead of 2"), ConnectionResetError("gone")):
        tally.take(raising(error))
    counts = {
        AttemptResult.HELD: 1,
        AttemptResult.REFUSED: 1,
        AttemptResult.TIMED_OUT: 1,
        AttemptResult.LOST: 2,
    }
    assert dict(tally.rows("group")) == {"name": Counter(counts)}
    assert tally.lost == [
        "group, name: 1 instead of 2",
        "group, name: no answer to be read: ConnectionResetError('gone')",
    ]


@pytest.mark.parametrize(
    "wrong",
    [ended(b"Hello"), ended(b"Hello, World!\n", code=1), ended(b"", limit=Outcome.WALL_TIME)],
)
def test_honest_programs_are_judged(wrong: Result) -> None:
    limits = {Outcome.WALL_TIME: 100}
    honest.judge(TASKS[0], ended(b"Hello, World!\n"), limits)
    with pytest.raises(Wrong):
        honest.judge(TASKS[0], wrong, limits)
    with pytest.raises(TimedOut):
        honest.judge(TASKS[0], ended(b"", limit=Outcome.WALL_TIME, wall_ms=100), limits)


@pytest.mark.parametrize(
    "wrong", [ended(b"no"), ended(b"yes", code=1), ended(b"", limit=Outcome.WALL_TIME, wall_ms=99)]
)
def test_hostile_programs_are_judged(wrong: Result) -> None:
    program = hostile.Program("name", "source", output="yes", wall_ms=100)
    hostile.judge(program, ended(b"yes"))
    with pytest.raises(Wrong):
        hostile.judge(program, wrong)
    with pytest.raises(TimedOut):
        hostile.judge(program, ended(b"", limit=Outcome.WALL_TIME, wall_ms=100))


def test_the_page_tells_what_was_lost(tmp_path: Path) -> None:
    tally = Tally()
    tally.take(raising(Wrong("1 instead of 2")))
    path = tmp_path / "soak.md"
    page.write(path, tally, [], minutes=60, machine="one", clients=20, places=16)
    text = path.read_text()
    assert "1 tried, 0 held, 0 timed out, 0 refused, **1 lost**" in text
    assert "- group, name: 1 instead of 2" in text
