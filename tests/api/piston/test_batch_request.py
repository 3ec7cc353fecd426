"""The body of a batch to its cases: what a run sets itself, and what all runs share."""

import tracemalloc
from typing import Any

from bitrun.api.piston.batch_request import read_batch
from bitrun.config.settings import Settings
from bitrun.execution.judging.batch import Batch
from bitrun.execution.judging.comparison import Comparator, Comparison
from bitrun.model.job import File, Limits
from tests.api.piston.test_request import RUNTIMES

SETTINGS = Settings(max_batch_runs=500)


def batch(*runs: dict[str, Any], **fields: Any) -> Batch:
    body = {"language": "c", "version": "*", "files": [{"content": "x"}], "runs": list(runs)}
    return read_batch(body | fields, RUNTIMES, SETTINGS)[1]


def limits(found: Batch) -> list[Limits]:
    return [case.job.stages[-1].limits for case in found.cases]


def test_what_a_run_sets_is_its_own() -> None:
    found = batch(
        {}, {"stdin": "b", "args": [1]}, {"stdin": None, "args": None}, {"stdin": "", "args": []},
        stdin="a", args=["x", "y"],
    )  # fmt: skip
    runs = [case.job.stages[-1] for case in found.cases]
    assert [run.stdin for run in runs] == [b"a\n", b"b\n", b"a\n", b"\n"]
    assert [run.argv for run in runs] == [
        ("./a.out", "x", "y"), ("./a.out", "1"), ("./a.out", "x", "y"), ("./a.out",),
    ]  # fmt: skip


def test_limits_of_a_run_tighten_those_of_the_request() -> None:
    found = batch(
        {}, {"run_timeout": 5}, {"run_timeout": 0, "run_cpu_time": 6},
        run_timeout=7, run_memory_limit=10_000_000, compile_timeout=9,
    )  # fmt: skip
    assert [each.wall_ms for each in limits(found)] == [7, 5, 7]
    assert [each.cpu_ms for each in limits(found)] == [3000, 3000, 6]
    assert {each.memory for each in limits(found)} == {10_000_000}
    # The compilation is the same for all, whatever a run says: it can be made once.
    assert len({id(case.job.stages[0]) for case in found.cases}) == 1
    assert found.cases[0].job.stages[0].limits.wall_ms == 9


def test_files_of_a_run_are_not_compiled() -> None:
    found = batch({"files": [{"name": "b.c", "content": "y"}]}, {})
    first, second = (case.job for case in found.cases)
    assert first.stages[0].argv == ("gcc", "file0.c")
    assert first.stages[-1].files == (File("b.c", b"y"),)
    assert first.files == second.files
    assert second.stages[-1].files == ()


def test_how_it_is_judged() -> None:
    checker = {"language": "python", "files": [{"name": "check", "content": "x"}]}
    found = batch(
        {"expected_output": "é"}, {},
        compare="numbers", tolerance=1, checker=checker, stop_on_failure=True,
    )  # fmt: skip
    assert [case.expected for case in found.cases] == ["é".encode(), None]
    assert found.comparator == Comparator(Comparison.NUMBERS, 1.0)
    assert found.stop_on_failure
    assert found.checker is not None
    assert found.checker.stages[-1].argv == ("python3", "check", "input", "output", "expected")
    assert found.interactor is None
    assert batch({}).comparator.comparison is Comparison.LINES


def test_hundreds_of_runs_share_what_is_large() -> None:
    size = 1_000_000
    files = [{"content": "x" * size}]
    tracemalloc.start()
    found = batch(*[{"stdin": "y"}] * 500, files=files, args=["z"] * 10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * size
    assert size < found.size < size + 10_000
