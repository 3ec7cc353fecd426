"""Batches without HTTP, on an engine without Docker: faults, and who ends when."""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bitrun.config.settings import Settings
from bitrun.execution.admission import Admission
from bitrun.execution.judging.batch import Batch, Case, Judge, JudgedBatch
from bitrun.execution.judging.judgement import Judgement, Reason
from bitrun.execution.runner import Runner
from bitrun.model.errors import BoxError, Busy, EngineUnavailable, PackageNotInstalled
from bitrun.model.job import File, Job
from bitrun.model.output_files import Hold, hold_all
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.fake_engine import FakeEngine, unavailable
from tests.support.fake_images import engine_with_packages
from tests.support.fake_supervisor import Command, ScriptedBoxes, Talk, shell
from tests.support.stages import BOX_LIMITS, stage
from tests.support.waiting import wait_until


def script(talk: Talk, command: Command) -> None:
    if command.argv == ["end"]:
        talk.end()
    shell(talk, command)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = engine_with_packages(ScriptedBoxes(script))
    yield engine
    engine.close()
    assert wait_until(lambda: not engine.containers, 2)


class Memory:
    """Counts what is held, and how often something was."""

    def __init__(self) -> None:
        self.held = 0
        self.count = 0
        self.room = 1000

    @contextmanager
    def hold(self, _: Job) -> Iterator[Hold]:
        if self.held == self.room:
            raise Busy
        self.held += 1
        self.count += 1
        try:
            yield hold_all
        finally:
            self.held -= 1


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def begin(engine: FakeEngine, memory: Memory) -> Callable[[Batch], JudgedBatch]:
    """Begin to judge a batch, one run at a time."""
    runner = Runner(Pool(BoxMaker(engine, Settings()), 0, dict), Admission(4, 0, 1.0))
    return lambda batch: Judge(runner, 1).judge(batch, "client", None, memory.hold)


@pytest.fixture
def judge(begin: Callable[[Batch], JudgedBatch]) -> Callable[[Batch], list[Judgement]]:
    """Judge a batch, and return the judgements in their order."""

    def judge(batch: Batch) -> list[Judgement]:
        found = dict(begin(batch).judgements)
        return [found[index] for index in range(len(batch.cases))]

    return judge


Begin = Callable[[Batch], JudgedBatch]
Run = Callable[[Batch], list[Judgement]]


def job(*argv: str, package: str = "python", files: tuple[File, ...] = ()) -> Job:
    run = dataclasses.replace(stage(*argv), files=files)
    return Job(package, f"bitrun/{package}", (), (run,), BOX_LIMITS)


def test_a_box_that_ends_is_the_error_of_one_run(judge: Run) -> None:
    cases = [Case(job("echo", "1"), b"1"), Case(job("end")), Case(job("echo", "2"), b"3")]
    found = judge(Batch(cases))
    assert [each.reason for each in found] == [Reason.OK, Reason.ERROR, Reason.WRONG]
    assert isinstance(found[1].error, BoxError)


def test_an_engine_that_is_away_ends_the_batch(engine: FakeEngine, judge: Run) -> None:
    engine.faults["create_container"] = unavailable
    found = judge(Batch([Case(job("echo"))] * 50))
    assert {each.reason for each in found} == {Reason.ERROR}
    assert all(isinstance(each.error, EngineUnavailable) for each in found)
    assert Counter(engine.calls)["create_container"] == 1


def test_a_package_that_is_removed_meanwhile(judge: Run) -> None:
    (found,) = judge(Batch([Case(job("echo", package="nosuch"))]))
    assert isinstance(found.error, PackageNotInstalled)


def test_a_program_that_never_starts_is_an_error_of_its_run(judge: Run) -> None:
    found = judge(Batch([Case(job("nosuch")), Case(job("echo"))]))
    assert [each.reason for each in found] == [Reason.ERROR, Reason.OK]


def test_files_of_a_stage_are_there_when_it_starts(judge: Run) -> None:
    program = job("cat", "data", files=(File("data", b"x"),))
    (found,) = judge(Batch([Case(program, b"x")]))
    assert found.reason is Reason.OK


def test_memory_is_held_until_the_next_judgement_is_wanted(begin: Begin, memory: Memory) -> None:
    judgements = begin(Batch([Case(job("echo"))] * 9)).judgements
    assert memory.count == 0
    for _ in range(2):
        next(judgements)
        assert memory.held >= 1
    time.sleep(0.2)
    assert memory.held == 3  # this one, and two that are not read
    assert len(list(judgements)) == 7
    assert (memory.held, memory.count) == (0, 9)


def test_memory_of_what_nobody_reads_is_released(begin: Begin, memory: Memory) -> None:
    judgements = begin(Batch([Case(job("echo"))] * 9)).judgements
    next(judgements)
    time.sleep(0.2)
    judgements.close()
    assert memory.held == 0
    assert memory.count < 9


def test_a_run_without_memory_for_its_output(judge: Run, memory: Memory) -> None:
    memory.room = 0
    found = judge(Batch([Case(job("echo"))] * 2))
    assert [each.reason for each in found] == [Reason.ERROR] * 2
    assert isinstance(found[0].error, Busy)


def test_an_interactor_whose_box_ends(engine: FakeEngine, judge: Run) -> None:
    batch = Batch([Case(job("cat"))], interactor=job("end"))
    (found,) = judge(batch)
    assert found.reason is Reason.ERROR
    assert wait_until(lambda: not engine.containers, 2)


def test_an_interactor_that_no_box_is_left_for(engine: FakeEngine, judge: Run) -> None:
    batch = Batch([Case(job("cat"))], interactor=job("cat", package="nosuch"))
    (found,) = judge(batch)
    assert isinstance(found.error, PackageNotInstalled)
    assert wait_until(lambda: not engine.containers, 2)
