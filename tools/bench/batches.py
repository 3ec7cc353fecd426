"""Batches and the compile cache, in turn with bare processes.

All are measured in each round, so that a slow drift of the machine affects them alike.
"""

import statistics
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tools.bench.client import Client, Sample, looped, paced, repeated
from tools.bench.lanes import RUNS_PER_BOX
from tools.bench.measurements import PAUSE_SECONDS, BareProgram
from tools.bench.programs import PYTHON, SLOW_CPP, C, Program
from tools.bench.report import Goal, Report
from tools.bench.service import Target, own_service, warm_up

BARE_C, CACHED_C = "compiled C, bare", "compiled C, cached"
BARE_BATCH, PYTHON_BATCH = "python, 8 at once, bare", "python, batch"
C_BATCH, UNCACHED_BATCH = "C, batch", "C, batch, no cache"

_ROUNDS = 3
_PACED, _INTERVAL = 16, 0.5
_RUNS, _INPUTS, _AT_ONCE = 200, 8, 8


@dataclass
class Batches:
    """Samples by name, each the sum of all rounds.

    `judged` are batches of a program whose compilation takes long: the milliseconds of the whole
    request, and of its compile stage.
    """

    samples: dict[str, Sample] = field(default_factory=dict)
    judged: list[tuple[float, float]] = field(default_factory=list)

    def add(self, name: str, sample: Sample) -> None:
        self.samples[name] = self.samples.get(name, Sample()) + sample

    def report(self, report: Report) -> None:
        baselines = {CACHED_C: BARE_C, PYTHON_BATCH: BARE_BATCH, C_BATCH: UNCACHED_BATCH}
        for name, sample in self.samples.items():
            baseline = self.samples[baselines.get(name, name)].quantile(0.5)
            report.add(f"batches: {name}", sample, baseline)
        whole, compilation = map(statistics.median, zip(*self.judged, strict=True))
        report.fact(f"{_INPUTS} inputs of one C++ program", f"{whole:.0f} ms")
        report.fact("its compilation", f"{compilation:.0f} ms")

    def goals(self) -> list[Goal]:
        bare, cached = self.samples[BARE_C], self.samples[CACHED_C]
        extra = cached.quantile(0.5) - bare.quantile(0.5)
        ratio = statistics.median(whole / compilation for whole, compilation in self.judged)
        return [
            Goal(
                "compiled C hello, cached, one at a time, p50",
                "≤ bare + 6 ms",
                f"bare {extra:+.1f} ms",
                extra <= 6 and not cached.errors,
            ),
            Goal(
                f"{_INPUTS} inputs of one C++ program",
                "≤ 1.4 x its compilation",
                f"{ratio:.2f} x",
                ratio <= 1.4,
            ),
            self._rate_goal(PYTHON_BATCH, BARE_BATCH, 0.8, "of bare"),
            self._rate_goal(C_BATCH, UNCACHED_BATCH, 3, "x without the cache"),
        ]

    def _rate_goal(self, name: str, other: str, least: float, words: str) -> Goal:
        sample, baseline = self.samples[name].rate, self.samples[other].rate
        ratio = sample / baseline if baseline else 0.0
        return Goal(
            f"{name} of {_RUNS}, reused boxes",
            f"≥ {least:.2f} {words}",
            f"{ratio:.2f}",
            ratio >= least and not self.samples[name].errors,
        )


def measure_batches(bare: dict[Program, BareProgram], rounds: int = _ROUNDS) -> Batches:
    """Measure all; a round takes a minute or two."""
    batches = Batches()
    runs = str(RUNS_PER_BOX)
    with (
        own_service() as plain,
        own_service(runs_per_box=runs) as reused,
        own_service(runs_per_box=runs, compile_cache="0") as uncached,
    ):
        for target in (plain, reused, uncached):
            warm_up(target.url)
        for number in range(rounds):
            _measure_one_at_a_time(batches, plain, bare[C])
            batches.judged.append(_judge_slow(plain, number))
            _measure_bulk(batches, bare, reused, uncached)
            print(f"round {number + 1} of {rounds}", flush=True)
    return batches


def _measure_one_at_a_time(batches: Batches, target: Target, bare: BareProgram) -> None:
    binary = bare.without_compilation()
    batches.add(BARE_C, repeated(_PACED // 2, binary, _INTERVAL))
    batches.add(CACHED_C, target.measure(partial(paced, target.url, C, _PACED, _INTERVAL)))
    batches.add(BARE_C, repeated(_PACED // 2, binary, _INTERVAL))


def _judge_slow(target: Target, number: int) -> tuple[float, float]:
    """Send a program that was not compiled before, with several inputs."""
    time.sleep(PAUSE_SECONDS)
    body = SLOW_CPP.request
    body["files"] = [{"name": SLOW_CPP.file, "content": f"{SLOW_CPP.source}// {number}\n"}]
    started = time.perf_counter()
    answer = _send(target, body, _INPUTS)
    return (time.perf_counter() - started) * 1000, answer["compile"]["wall_time"]


def _measure_bulk(
    batches: Batches, bare: dict[Program, BareProgram], reused: Target, uncached: Target
) -> None:
    left = iter(range(_RUNS))
    alone = bare[PYTHON].alone
    batches.add(BARE_BATCH, looped(_AT_ONCE, lambda: next(left, None) is not None, alone))
    for name, target, program in (
        (PYTHON_BATCH, reused, PYTHON),
        (C_BATCH, reused, C),
        (UNCACHED_BATCH, uncached, C),
    ):
        batches.add(name, target.measure(partial(_batch, target, program)))
        time.sleep(PAUSE_SECONDS)  # until the pool is full again


def _batch(target: Target, program: Program) -> Sample:
    """Judge a batch; each run counts with the same share of its time."""
    started = time.perf_counter()
    runs = _send(target, program.request, _RUNS)["runs"]
    seconds = time.perf_counter() - started
    right = [run["accepted"] for run in runs].count(True)
    return Sample([seconds * 1000 / len(runs)] * right, len(runs) - right, seconds)


def _send(target: Target, body: dict[str, Any], runs: int) -> Any:
    cases = [{"expected_output": "hi\n"}] * runs
    return Client(target.url).post("/execute/batch", body | {"runs": cases})
