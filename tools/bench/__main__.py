"""Measure everything and write `docs/benchmark.md`; or another server, with `--against URL`."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tools.bench import machine
from tools.bench.client import Sample, burst, paced, sustained, timed, together
from tools.bench.peers import (
    bare_root,
    engine_ceiling,
    engine_objects,
    run_bare,
    run_docker_cli,
    stream_rate,
)
from tools.bench.programs import NODE, PROGRAMS, PYTHON, C, Program
from tools.bench.report import Goal, Report
from tools.bench.service import ROOT, Target, own_service, warm_up

_BURST = 16
_PACED, _INTERVAL, _PACE = 40, 0.5, "2 a second"
_PAUSE_SECONDS = 8.0  # for what is prepared in the background
_AT_ONCE = (2, 8, 16)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--against", metavar="URL", help="measure another Piston-compatible server")
    parser.add_argument("--seconds", type=float, default=20, help="length of a sustained load")
    parser.add_argument("--runs", type=int, default=10_000, help="runs in a row to look for growth")
    options = parser.parse_args()

    report = Report(machine.description())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bare = {
            program: Bare(program, stack.enter_context(bare_root(program, folder)))
            for program in PROGRAMS
        }
        if options.against:
            _load(report, Target(options.against, None), bare, options.seconds)
            return
        with own_service() as target:
            warm_up(target.url)
            _memory(report, target)
            measured = _load(report, target, bare, options.seconds)
            ceiling = report.add(
                "the engine alone: create, start, remove; 8 at once",
                engine_ceiling(8, options.seconds),
                0,
            )
            growth = _growth(report, target, options.runs)
    cli = report.add(
        "docker run: python", _repeat(12, lambda: run_docker_cli(PYTHON)), bare[PYTHON].p50
    )
    with own_service(pool_size="0") as target:
        cold = _watched(target, lambda: paced(target.url, PYTHON, 12, 0.7))
        report.add("python, cold", cold, bare[PYTHON].p50)
    size = 10_000_000
    written = max(stream_rate(("head", "-c", str(size), "/dev/zero"), b"") for _ in range(3)) / 1e6
    read = max(stream_rate(("wc", "-c"), bytes(size)) for _ in range(3)) / 1e6
    report.fact("10 MB of output", f"{written:.0f} MB/s")
    report.fact("10 MB of stdin", f"{read:.0f} MB/s")
    report.goals = [
        *_pace_goals(measured, bare),
        _burst_goal(measured, bare),
        _rate_goal(measured, ceiling),
        *_own_cpu_goals(measured),
        Goal(
            "cold run", "≤ docker run", _ratio(cold, cli), cold.quantile(0.5) <= cli.quantile(0.5)
        ),
        Goal(
            "streaming, out and in",
            "≥ 100 MB/s",
            f"{written:.0f} and {read:.0f} MB/s",
            min(written, read) >= 100,
        ),
        growth,
    ]
    report.write(ROOT / "docs" / "benchmark.md", ROOT / "docs" / "benchmark.png")


class Bare:
    """A program as bare processes, measured when and as the service is that it is compared with."""

    def __init__(self, program: Program, root: Path) -> None:
        self._once = partial(run_bare, program, root)
        self._once()
        self.paced = Sample()
        self._bursts: list[float] = []

    def pace(self) -> None:
        """Take one half of the measurement: one half comes before the service's, one after it."""
        self.paced += _repeat(_PACED // 2, self._once, _INTERVAL)

    def burst(self) -> None:
        self._bursts.append(together(_BURST, self._once).seconds)

    @property
    def p50(self) -> float:
        return self.paced.quantile(0.5)

    @property
    def burst_seconds(self) -> float:
        return statistics.median(self._bursts)


def _load(
    report: Report, target: Target, bare: dict[Program, Bare], seconds: float
) -> dict[str, Sample]:
    measured = {}

    def measure(name: str, program: Program, load: Callable[[], Sample]) -> None:
        measured[name] = report.add(name, _watched(target, load), bare[program].p50)

    for program in PROGRAMS:
        bare[program].pace()
        sample = _watched(target, partial(paced, target.url, program, _PACED, _INTERVAL))
        bare[program].pace()
        report.add(f"bare: {program.name}, {_PACE}", bare[program].paced, bare[program].p50)
        name = f"{program.name}, {_PACE}"
        measured[name] = report.add(name, sample, bare[program].p50)
        if program is PYTHON:
            name = f"python, burst of {_BURST}"
            measured[name] = report.add(name, _bursts(target, bare[PYTHON]), bare[PYTHON].p50)
    for clients in _AT_ONCE:
        time.sleep(_PAUSE_SECONDS)
        for program in (PYTHON, NODE, C) if clients == 8 else (PYTHON,):
            end = time.perf_counter() + seconds
            measure(
                f"{program.name}, {clients} at once",
                program,
                lambda end=end, clients=clients, program=program: sustained(  # type: ignore[misc]
                    target.url, program, clients, lambda: time.perf_counter() < end
                ),
            )
    return measured


def _bursts(target: Target, bare: Bare) -> Sample:
    """Send some bursts, each after a pause; `seconds` is the median of what one takes."""
    bursts = []
    for _ in range(3):
        time.sleep(_PAUSE_SECONDS)
        bare.burst()
        bursts.append(_watched(target, partial(burst, target.url, PYTHON, _BURST)))
    whole = bursts[0] + bursts[1] + bursts[2]
    whole.seconds = statistics.median(each.seconds for each in bursts)
    return whole


def _repeat(count: int, action: Callable[[], bool], pause: float = 0.0) -> Sample:
    sample = Sample()
    begun, cpu = time.perf_counter(), machine.machine_cpu_ms()
    for _ in range(count):
        timed(sample, action)
        time.sleep(pause)
    sample.seconds = time.perf_counter() - begun
    sample.machine_cpu_ms = machine.machine_cpu_ms() - cpu
    return sample


def _watched(target: Target, load: Callable[[], Sample]) -> Sample:
    machine_cpu, service_cpu = machine.machine_cpu_ms(), target.cpu_ms()
    sample = load()
    sample.machine_cpu_ms = machine.machine_cpu_ms() - machine_cpu
    sample.service_cpu_ms = target.cpu_ms() - service_cpu
    return sample


def _memory(report: Report, target: Target) -> None:
    if target.worker:
        use = machine.use(target.worker)
        report.fact("memory of the service, idle", f"{use.memory / 1e6:.0f} MB")
        report.fact("memory of a waiting box", f"{machine.waiting_box_memory(32) / 1e6:.1f} MB")


def _growth(report: Report, target: Target, runs: int) -> Goal:
    """Run on and on, and compare what the service holds in the middle and at the end."""
    worker = target.worker or 0

    def more_runs(count: int) -> tuple[machine.Use, int, int]:
        left = iter(range(count))
        sample = sustained(target.url, PYTHON, 8, lambda: next(left, None) is not None)
        time.sleep(_PAUSE_SECONDS)
        return machine.use(worker), engine_objects(), sample.errors

    middle, objects, errors = more_runs(runs // 2)
    end, more_objects, more_errors = more_runs(runs - runs // 2)
    grown = (
        f"{(end.memory - middle.memory) / 1e6:+.1f} MB, {end.threads - middle.threads:+d} threads, "
        f"{end.descriptors - middle.descriptors:+d} descriptors, "
        f"{more_objects - objects:+d} engine objects, {errors + more_errors} errors"
    )
    report.fact(f"memory of the service after {runs} runs", f"{end.memory / 1e6:.0f} MB")
    report.fact(f"growth over the second half of {runs} runs", grown)
    steady = (
        end.memory - middle.memory < 2e6
        and end.threads <= middle.threads
        and end.descriptors <= middle.descriptors + 2  # of the engine's connections
        and more_objects <= objects
    )
    return Goal(f"{runs} runs", "no growth", grown, steady and errors + more_errors == 0)


def _pace_goals(measured: dict[str, Sample], bare: dict[Program, Bare]) -> list[Goal]:
    python, c = measured[f"python, {_PACE}"], measured[f"{C.name}, {_PACE}"]
    return [
        _extra_goal("python hello, paced, p50", python, bare[PYTHON].paced, 0.5, 5),
        _extra_goal("python hello, paced, p95", python, bare[PYTHON].paced, 0.95, 15),
        _extra_goal("C hello, paced, p50", c, bare[C].paced, 0.5, 10),
    ]


def _extra_goal(what: str, sample: Sample, bare: Sample, share: float, most: float) -> Goal:
    extra = sample.quantile(share) - bare.quantile(share)
    return Goal(what, f"≤ bare + {most:.0f} ms", f"bare {extra:+.1f} ms", extra <= most)


def _burst_goal(measured: dict[str, Sample], bare: dict[Program, Bare]) -> Goal:
    ratio = measured[f"python, burst of {_BURST}"].seconds / bare[PYTHON].burst_seconds
    return Goal(f"burst of {_BURST}", "≤ 2 x bare", f"{ratio:.2f} x bare", ratio <= 2)


def _rate_goal(measured: dict[str, Sample], ceiling: Sample) -> Goal:
    sample = measured["python, 8 at once"]
    share = sample.rate / ceiling.rate
    met = share >= 0.9 and not sample.errors
    return Goal("8 at once", "≥ 90 % of the engine's ceiling", f"{share:.0%}", met)


def _own_cpu_goals(measured: dict[str, Sample]) -> list[Goal]:
    """In a burst nothing is refilled: what the service uses then is the request's path alone."""
    path, whole = (
        measured[name].service_cpu_ms / max(1, len(measured[name].times))
        for name in (f"python, burst of {_BURST}", f"python, {_PACE}")
    )
    return [
        Goal("the service's own CPU on the request's path", "≤ 3 ms", f"{path:.1f} ms", path <= 3),
        Goal("the service's own CPU, box included", "≤ 10 ms", f"{whole:.1f} ms", whole <= 10),
    ]


def _ratio(sample: Sample, other: Sample) -> str:
    return f"{sample.quantile(0.5) / other.quantile(0.5):.2f} x docker run"


if __name__ == "__main__":
    main()
