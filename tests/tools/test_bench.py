"""Samples, goals and the comparison of two checkouts, on made-up numbers."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server
from tools.bench import batches, compare, goals, lanes, trainer
from tools.bench.batches import Batches
from tools.bench.client import Sample, concurrent, repeated
from tools.bench.compare import OutOfTime, Turn, time_limit
from tools.bench.lanes import Lanes
from tools.bench.measurements import burst_name, paced_name
from tools.bench.programs import NODE, PYTHON
from tools.bench.quotes import read_figures
from tools.bench.report import Goal, Report
from tools.bench.service import Target


def sample(*times: float, errors: int = 0, seconds: float = 1.0, cpu_ms: float = 0.0) -> Sample:
    return Sample(list(times), errors, seconds, service_cpu_ms=cpu_ms)


def test_quantiles_and_rates() -> None:
    hundred = sample(*range(100), seconds=4.0, cpu_ms=250)
    assert (hundred.quantile(0.5), hundred.quantile(0.95), hundred.quantile(1)) == (50, 95, 99)
    assert hundred.rate == 25
    assert hundred.service_cpu_per_run == 2.5
    assert sample().quantile(0.5) == 0
    both = hundred + sample(1000, errors=2)
    assert (len(both.times), both.errors, both.seconds) == (101, 2, 5.0)


def test_wrong_answers_are_errors() -> None:
    answers = iter([True, False, True])
    measured = repeated(3, lambda: next(answers))
    assert (len(measured.times), measured.errors) == (2, 1)
    assert concurrent(4, lambda: False).errors == 4


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, set()),
        ({(lanes.REUSED, NODE, 8): sample(*[1.0] * 79)}, {"reused boxes: node, 8 at once"}),
        (
            {(lanes.REUSED, NODE, 8): sample(*[1.0] * 90, errors=1)},
            {"reused boxes: node, 8 at once"},
        ),
        (
            {(lanes.REUSED, PYTHON, 1): sample(14.1)},
            {"reused boxes: python, one at a time, p50"},
        ),
        (
            {(lanes.REUSED, PYTHON, 8): sample(*[1.0] * 90, cpu_ms=90 * 2.6)},
            {"reused boxes: the service's own CPU"},
        ),
        (
            {(lanes.ALONE, PYTHON, 8): sample(*[1.0] * 8)},
            {"a box for each run: python, 8 at once"},
        ),
    ],
)
def test_goals_of_lanes(changes: dict[Any, Sample], missed: set[str]) -> None:
    measured = Lanes(ceiling=sample(*[1.0] * 10))
    for program in lanes.PROGRAMS:
        measured.add(lanes.BARE, program, 8, sample(*[1.0] * 100))
        measured.add(lanes.REUSED, program, 8, sample(*[1.0] * 80, cpu_ms=80 * 2.5))
    measured.add(lanes.BARE, PYTHON, 1, sample(10.0))
    measured.add(lanes.REUSED, PYTHON, 1, sample(14.0))
    measured.add(lanes.ALONE, PYTHON, 8, sample(*[1.0] * 9))
    measured.samples |= changes
    assert {goal.name for goal in measured.goals() if not goal.met} == missed


@pytest.mark.parametrize(
    ("changes", "judged", "missed"),
    [
        ({}, (1400, 1000), set()),
        ({}, (1500, 1000), {"8 inputs of one C++ program"}),
        (
            {batches.CACHED_C: sample(8.1)},
            (1, 1),
            {"compiled C hello, cached, one at a time, p50"},
        ),
        (
            {batches.PYTHON_BATCH: sample(*[1.0] * 79)},
            (1, 1),
            {"python, batch of 200, reused boxes"},
        ),
        ({batches.C_BATCH: sample(*[1.0] * 29)}, (1, 1), {"C, batch of 200, reused boxes"}),
        (
            {batches.C_BATCH: sample(*[1.0] * 30, errors=1)},
            (1, 1),
            {"C, batch of 200, reused boxes"},
        ),
    ],
)
def test_goals_of_batches(
    changes: dict[str, Sample], judged: tuple[float, float], missed: set[str]
) -> None:
    measured = Batches(judged=[(1, 1), judged, (9, 1)] if judged != (1, 1) else [(1, 1)])
    measured.add(batches.BARE_C, sample(2.0))
    measured.add(batches.CACHED_C, sample(8.0))
    measured.add(batches.BARE_BATCH, sample(*[1.0] * 100))
    measured.add(batches.PYTHON_BATCH, sample(*[1.0] * 80))
    measured.add(batches.UNCACHED_BATCH, sample(*[1.0] * 10))
    measured.add(batches.C_BATCH, sample(*[1.0] * 30))
    measured.samples |= changes
    assert {goal.name for goal in measured.goals() if not goal.met} == missed


def test_rounds_add_up() -> None:
    measured = Lanes()
    for _ in range(3):
        measured.add(lanes.BARE, PYTHON, 1, sample(1.0, 2.0))
    assert measured.samples[lanes.BARE, PYTHON, 1].rate == 2


def test_service_cpu_goals() -> None:
    samples = {
        burst_name(PYTHON): sample(1, 1, cpu_ms=6.0),
        paced_name(PYTHON): sample(1, 1, cpu_ms=20.2),
    }
    assert [goal.met for goal in goals.service_cpu_goals(samples)] == [True, False]


@pytest.mark.parametrize(("spent", "met"), [(0.3, True), (1.5, False)])
def test_supervisor_cpu_goal(spent: float, met: bool) -> None:
    assert goals.supervisor_cpu_goal(spent).met is met


@pytest.mark.parametrize(("cost", "met"), [(199, True), (201, False)])
def test_write_goal(cost: float, met: bool) -> None:
    assert goals.write_goal(cost, 100).met is met


def test_a_page_keeps_what_was_reached_before(tmp_path: Path) -> None:
    page, chart = tmp_path / "benchmark.md", tmp_path / "benchmark.png"
    for number in range(4):
        report = Report("machine")
        report.add("python", sample(10.0), 5.0)
        report.goals = [Goal("speed", "≤ 3", f"{number} ms", number < 3)]
        if number == 3:
            report.goals.append(Goal("size", "≤ 1", "1 MB", met=True))
        report.write(page, chart)
    assert page.read_text().partition("## Goals")[2].splitlines()[2:6] == [
        "| measurement | goal | reached | met | the time before | and before that |",
        "|---|---|---|---|---|---|",
        "| speed | ≤ 3 | 3 ms | **no** | 2 ms | 1 ms |",
        "| size | ≤ 1 | 1 MB | yes |  |  |",
    ]
    assert read_figures(page.read_text())["speed", "reached"] == "3"


def test_errors_are_shown_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    Report("machine").add("python", sample(10.0, 20.0, errors=3), 5.0)
    assert capsys.readouterr().out == "| python | 4.0 | 20.0 | 20.0 | 20.0 | 2.0 | 3 |  |\n"


def turn(overhead: float, *, errors: int = 0) -> Turn:
    return Turn(
        python=sample(10 + overhead, errors=errors, cpu_ms=overhead),
        bare_python=sample(10),
        c=sample(60),
        bare_c=sample(50),
        burst=sample(1, cpu_ms=3),
        burst_seconds=[0.1],
        sustained=sample(1, 1),
    )


def test_the_comparison() -> None:
    rounds = [(turn(4), turn(2)), (turn(4), turn(8)), (turn(4), turn(4, errors=1))]
    lines = dict(line.strip("| ").partition(" | ")[::2] for line in compare.table(rounds))
    assert lines["3 rounds"] == "old | new | new/old | range"
    assert lines["python paced, p50 above bare, ms"] == "4.0 | 4.0 | 1.00 | 0.50 to 2.00"
    assert lines["C paced, p50 above bare, ms"] == "10.0 | 10.0 | 1.00 | 1.00 to 1.00"
    assert lines["python, burst of 8, ms"].startswith("100.0 | 100.0 |")
    assert lines["errors"] == "0 | 1"
    assert compare.table([]) == ["No round was finished."]


def test_a_comparison_ends_after_its_time() -> None:
    previous = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGTERM)
    started = time.monotonic()
    try:
        with pytest.raises(OutOfTime), time_limit(0.1):
            time.sleep(10)
    finally:
        signal.signal(signal.SIGALRM, previous[0])
        signal.signal(signal.SIGTERM, previous[1])
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("way", [trainer.by_case, trainer.by_answer])
def test_the_load_of_a_trainer(share: Callable[..., Server], way: Any) -> None:
    server = share(dialects="sandboxfusion", run_timeout=60_000, run_cpu_time=60_000)
    python, _ = trainer.TASKS
    load = trainer.Load(answers=2, cases=3, at_once=2)
    sample = trainer.send(Target(server.url), way(python, load), load.at_once)
    assert sample.errors == 0
    assert len(sample.times) in (2, 6)
    without = share(dialects="v1")
    nowhere = trainer.send(Target(without.url), way(python, load), load.at_once)
    assert nowhere.errors == len(sample.times)
