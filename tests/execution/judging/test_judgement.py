"""Outputs and files of judgements that an answer has all at once."""

import pytest

from bitrun.execution.judging.judgement import MAX_OUTPUT, Judgement, Reason, trim
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import Collected, DropReason, OutputFile
from bitrun.model.result import Outcome, StageResult, Verdict


def judgement(output: int, file: int = 0) -> Judgement:
    verdict = Verdict(Outcome.OK, 0, None, oom_killed=False, wall_ms=1, cpu_ms=1, memory=1)
    run = StageResult("run", verdict, Output([(Stream.STDOUT, bytes(output))]))
    collected = Collected((OutputFile("plot", 0o644, bytes(file)),)) if file else None
    return Judgement(Reason.OK, run, collected=collected)


def sizes(judgements: list[Judgement]) -> list[int]:
    return [each.size for _, each in trim(enumerate(judgements))]


def test_what_fits_stays_after_what_does_not() -> None:
    assert sizes([judgement(2 << 20), judgement(3 << 20), judgement(2 << 20), judgement(1)]) == [
        2 << 20,
        0,
        2 << 20,
        0,
    ]


def test_files_count_as_output_does() -> None:
    assert sizes([judgement(MAX_OUTPUT - 1, 1), judgement(0, 1)]) == [MAX_OUTPUT, 0]


def test_a_trimmed_judgement_says_so_and_keeps_the_rest() -> None:
    [(_, trimmed)] = trim([(0, judgement(5, MAX_OUTPUT))])
    assert trimmed.is_trimmed
    assert trimmed.accepted
    assert trimmed.run is not None
    assert trimmed.run.verdict.outcome is Outcome.OK
    assert trimmed.collected is not None
    assert not trimmed.collected.files
    [dropped] = trimmed.collected.dropped
    assert (dropped.name, dropped.reason) == ("plot", DropReason.TOTAL_SIZE)


@pytest.mark.parametrize("is_held", [False, True])
def test_memory_is_held_for_what_stays(is_held: bool) -> None:
    held: list[int] = []

    def hold(size: int) -> bool:
        held.append(size)
        return is_held

    [(_, first), (_, second)] = trim([(0, judgement(7)), (1, judgement(MAX_OUTPUT))], hold)
    assert first.is_trimmed is not is_held
    assert second.is_trimmed
    assert held == ([7] if is_held else [7, MAX_OUTPUT])
