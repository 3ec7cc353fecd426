"""The record of a run: its outcome, and what the log says of it."""

import json

import pytest

from bitrun.model.errors import (
    BoxEnded,
    ClientDisconnected,
    EngineUnavailable,
    FileRejected,
    SessionEnded,
)
from bitrun.model.job import BoxLimits, File, Job, Limits, Stage
from bitrun.model.result import Outcome, Verdict
from bitrun.model.run_record import NoVerdict, RunOutcome, RunRecord

SECRET = "xyzzy"
STAGE = Stage("run", ("sh", SECRET), {"A": SECRET}, Limits(1, 1, 1, 1, 1, 1), SECRET.encode())
JOB = Job(
    package="bash",
    image="sha256:1",
    files=(File(SECRET, SECRET.encode()),),
    stages=(STAGE,),
    limits=BoxLimits(memory=1, processes=1, open_files=1, file_size=1),
    language="bash",
    version="5.2.0",
)


def verdict(outcome: Outcome, memory: int = 1) -> Verdict:
    return Verdict(outcome, 0, None, oom_killed=False, wall_ms=1.26, cpu_ms=2.5, memory=memory)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.EXIT),
        (ClientDisconnected(), NoVerdict.DISCONNECTED),
        (SessionEnded(), NoVerdict.DISCONNECTED),
        (FileRejected("too large"), NoVerdict.REJECTED),
        (EngineUnavailable("no socket"), NoVerdict.ERROR),
        (BoxEnded(), NoVerdict.ERROR),
        (KeyError(), NoVerdict.ERROR),
    ],
)
def test_outcome(error: Exception | None, outcome: RunOutcome) -> None:
    record = RunRecord(JOB)
    record.stages += [("compile", verdict(Outcome.OK)), ("run", verdict(Outcome.EXIT))]
    record.close(error)
    assert record.outcome is outcome


def test_without_a_stage_there_is_an_error() -> None:
    record = RunRecord(JOB)
    record.close(None)
    assert record.outcome is NoVerdict.ERROR


def test_words_differ() -> None:
    assert not {str(each) for each in Outcome} & {str(each) for each in NoVerdict}


def test_fields_of_a_run_without_a_box() -> None:
    record = RunRecord(JOB, queue=0.0123456)
    assert record.fields() == {
        "language": "bash",
        "version": "5.2.0",
        "package": "bash",
        "verdict": "error",
        "queue_ms": 12.35,
    }


def test_fields_of_a_run() -> None:
    record = RunRecord(JOB, queue=0.001, box=0.002, run=0.003, container="c" * 64, pool="hit")
    record.stages += [("compile", verdict(Outcome.OK, 9)), ("run", verdict(Outcome.EXIT, 7))]
    record.close(None)
    fields = record.fields()
    assert fields == {
        "language": "bash",
        "version": "5.2.0",
        "package": "bash",
        "verdict": "exit",
        "box": "c" * 12,
        "pool": "hit",
        "stage": "run",
        "wall_ms": 2.5,
        "cpu_ms": 5.0,
        "memory": 9,
        "queue_ms": 1.0,
        "box_ms": 2.0,
        "run_ms": 3.0,
    }
    assert SECRET not in json.dumps(fields)
