"""The measurements of the benchmark, each taken on a running service."""

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.bench import machine
from tools.bench.baselines import engine_objects, run_bare
from tools.bench.client import Sample, burst, concurrent, paced, repeated, sustained
from tools.bench.programs import NODE, PROGRAMS, PYTHON, C, Program
from tools.bench.report import Goal, Report
from tools.bench.service import Target

BURST = 16
PACE = "2 a second"
PAUSE_SECONDS = 8.0  # until the pool is full again, and the service's background work is done

_PACED, _INTERVAL = 40, 0.5
_CLIENTS = (2, 8, 16)


class BareProgram:
    """A program as bare processes, measured at the same time and in the same way as the service."""

    def __init__(self, program: Program, root: Path) -> None:
        self._program = program
        self._root = root
        self._run = partial(run_bare, program, root)
        self._run()
        self.paced = Sample()
        self._bursts: list[float] = []

    def alone(self) -> Callable[[], bool]:
        """Return the program in a folder of its own, to be run at the same time as others."""
        folder = Path(tempfile.mkdtemp(dir=self._root))
        (folder / self._program.file).write_text(self._program.source)
        return partial(run_bare, self._program, self._root, f"/{folder.name}")

    def without_compilation(self) -> Callable[[], bool]:
        """Return the last command alone, whose program was compiled before."""
        last = dataclasses.replace(self._program, commands=self._program.commands[-1:])
        return partial(run_bare, last, self._root)

    def measure_paced(self, count: int = _PACED // 2) -> None:
        """Take one half of the sample: one half before the service's sample, one after it."""
        self.paced += repeated(count, self._run, _INTERVAL)

    def measure_burst(self, count: int = BURST) -> None:
        self._bursts.append(concurrent(count, self._run).seconds)

    @property
    def p50(self) -> float:
        return self.paced.quantile(0.5)

    @property
    def burst_seconds(self) -> float:
        return statistics.median(self._bursts)


def paced_name(program: Program) -> str:
    return f"{program.name}, {PACE}"


def burst_name(program: Program) -> str:
    return f"{program.name}, burst of {BURST}"


def clients_name(program: Program, clients: int) -> str:
    return f"{program.name}, {clients} at once"


def measure_paced(target: Target, bare: BareProgram, program: Program, count: int) -> Sample:
    """Run a program at a slow pace, and half of the bare runs before and after."""
    bare.measure_paced(count // 2)
    sample = target.measure(partial(paced, target.url, program, count, _INTERVAL))
    bare.measure_paced(count - count // 2)
    return sample


def measure_load(
    report: Report, target: Target, bare: dict[Program, BareProgram], seconds: float
) -> dict[str, Sample]:
    """Measure paced runs, bursts and sustained loads; returns the samples by name."""
    samples = {}
    for program in PROGRAMS:
        sample = measure_paced(target, bare[program], program, _PACED)
        report.add(f"bare: {paced_name(program)}", bare[program].paced, bare[program].p50)
        samples[paced_name(program)] = report.add(paced_name(program), sample, bare[program].p50)
        if program is PYTHON:
            bursts = _measure_bursts(target, bare[PYTHON])
            samples[burst_name(PYTHON)] = report.add(burst_name(PYTHON), bursts, bare[PYTHON].p50)
    for clients in _CLIENTS:
        time.sleep(PAUSE_SECONDS)
        for program in (PYTHON, NODE, C) if clients == 8 else (PYTHON,):
            name = clients_name(program, clients)
            sample = measure_sustained(target, program, clients, seconds)
            samples[name] = report.add(name, sample, bare[program].p50)
    return samples


def measure_sustained(target: Target, program: Program, clients: int, seconds: float) -> Sample:
    end = time.perf_counter() + seconds
    load: Callable[[], Sample] = partial(
        sustained, target.url, program, clients, lambda: time.perf_counter() < end
    )
    return target.measure(load)


def _measure_bursts(target: Target, bare: BareProgram) -> Sample:
    """Send three bursts, each after a pause; `seconds` is the median of their lengths."""
    bursts = []
    for _ in range(3):
        time.sleep(PAUSE_SECONDS)
        bare.measure_burst()
        bursts.append(target.measure(partial(burst, target.url, PYTHON, BURST)))
    total = sum(bursts, Sample())
    total.seconds = statistics.median(sample.seconds for sample in bursts)
    return total


def measure_memory(report: Report, target: Target) -> None:
    if target.worker:
        usage = machine.process_usage(target.worker)
        report.fact("memory of the service, idle", f"{usage.memory / 1e6:.0f} MB")
        report.fact("memory of a waiting box", f"{machine.idle_box_memory(32) / 1e6:.1f} MB")


def measure_growth(report: Report, target: Target, runs: int, name: str) -> Goal:
    """Compare the usage of the service after half of `runs` and after all of them."""
    worker = target.worker or 0

    def run(count: int) -> tuple[machine.ProcessUsage, int, int]:
        left = iter(range(count))
        sample = sustained(target.url, PYTHON, 8, lambda: next(left, None) is not None)
        time.sleep(PAUSE_SECONDS)
        return machine.process_usage(worker), engine_objects(), sample.errors

    middle, objects, errors = run(runs // 2)
    end, more_objects, more_errors = run(runs - runs // 2)
    errors += more_errors
    growth = (
        f"{(end.memory - middle.memory) / 1e6:+.1f} MB, {end.threads - middle.threads:+d} threads, "
        f"{end.descriptors - middle.descriptors:+d} descriptors, "
        f"{more_objects - objects:+d} engine objects, {errors} errors"
    )
    report.fact(f"memory of the service after {name}", f"{end.memory / 1e6:.0f} MB")
    report.fact(f"growth over the second half of {name}", growth)
    steady = (
        end.memory - middle.memory < 2e6
        and end.threads <= middle.threads
        and end.descriptors <= middle.descriptors + 2  # connections to the engine
        and more_objects <= objects
        and errors == 0
    )
    return Goal(name, "no growth", growth, steady)
