"""Both lanes, a box for each run and reused boxes, in turn with bare processes.

All are measured in each round, so that a slow drift of the machine affects them alike.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tools.bench.baselines import engine_ceiling
from tools.bench.client import Client, Sample, looped
from tools.bench.measurements import PAUSE_SECONDS, BareProgram
from tools.bench.programs import NODE, PYTHON, C, Program
from tools.bench.report import Goal, Report
from tools.bench.service import own_service, warm_up

BARE, ALONE, REUSED = "bare", "a box for each run", "reused boxes"
RUNS_PER_BOX = 100
PROGRAMS = (PYTHON, NODE, C)

_ROUNDS = 3
_WARM_UP_SECONDS = 2.0
_AT_ONCE = (1, 8)


@dataclass
class Lanes:
    """Samples by contender, program and number of clients, each the sum of all rounds."""

    samples: dict[tuple[str, Program, int], Sample] = field(default_factory=dict)
    ceiling: Sample = field(default_factory=Sample)

    def add(self, contender: str, program: Program, at_once: int, sample: Sample) -> None:
        key = (contender, program, at_once)
        self.samples[key] = self.samples.get(key, Sample()) + sample

    def report(self, report: Report) -> None:
        for (contender, program, at_once), sample in self.samples.items():
            baseline = self.samples[BARE, program, at_once].quantile(0.5)
            report.add(f"lanes: {program.name}, {at_once} at once, {contender}", sample, baseline)
        report.add("lanes: the engine alone, 8 at once", self.ceiling, 0)

    def goals(self) -> list[Goal]:
        goals = [self._share_goal(program) for program in PROGRAMS]
        bare, reused = (self.samples[name, PYTHON, 1] for name in (BARE, REUSED))
        extra = reused.quantile(0.5) - bare.quantile(0.5)
        cpu = self.samples[REUSED, PYTHON, 8].service_cpu_per_run
        alone = self.samples[ALONE, PYTHON, 8]
        share = alone.rate / self.ceiling.rate if self.ceiling.rate else 0.0
        return [
            *goals,
            Goal(
                f"reused boxes: {PYTHON.name}, one at a time, p50",
                "≤ bare + 4 ms",
                f"bare {extra:+.1f} ms",
                extra <= 4,
            ),
            Goal("reused boxes: the service's own CPU", "≤ 2.5 ms", f"{cpu:.1f} ms", cpu <= 2.5),
            Goal(
                f"a box for each run: {PYTHON.name}, 8 at once",
                "≥ 90 % of the engine's ceiling",
                f"{share:.0%}",
                share >= 0.9 and not alone.errors,
            ),
        ]

    def _share_goal(self, program: Program) -> Goal:
        bare, reused = (self.samples[name, program, 8] for name in (BARE, REUSED))
        share = reused.rate / bare.rate if bare.rate else 0.0
        return Goal(
            f"reused boxes: {program.name}, 8 at once",
            "≥ 0.80 of bare",
            f"{share:.2f}",
            share >= 0.8 and not reused.errors,
        )


def measure_lanes(bare: dict[Program, BareProgram], seconds: float, rounds: int = _ROUNDS) -> Lanes:
    """Measure each for `seconds` at a time; a round takes some 20 times that, and two minutes."""
    lanes = Lanes()
    # Compilations are measured, too.
    with (
        own_service(compile_cache="0") as alone,
        own_service(compile_cache="0", runs_per_box=str(RUNS_PER_BOX)) as reused,
    ):
        targets = {ALONE: alone, REUSED: reused}
        for target in targets.values():
            warm_up(target.url)
        for number in range(rounds):
            for program in PROGRAMS:
                for at_once in _AT_ONCE:
                    processes = _looped(at_once, seconds, bare[program].alone)
                    lanes.add(BARE, program, at_once, processes)
                    for name, target in targets.items():
                        client = partial(_new_client, target.url, program)
                        load = partial(_looped, at_once, seconds, client)
                        # Sustained is the load whose boxes are there: the first ones take the
                        # engine as long as some hundred runs.
                        _looped(at_once, _WARM_UP_SECONDS, client)
                        lanes.add(name, program, at_once, target.measure(load))
                        time.sleep(PAUSE_SECONDS)  # until the pool is full again
            lanes.ceiling += engine_ceiling(8, seconds)
            print(f"round {number + 1} of {rounds}", flush=True)
    return lanes


def _looped(at_once: int, seconds: float, new: Callable[[], Callable[[], bool]]) -> Sample:
    end = time.perf_counter() + seconds
    return looped(at_once, lambda: time.perf_counter() < end, new)


def _new_client(url: str, program: Program) -> Callable[[], bool]:
    return partial(Client(url).run, program)
