"""Measures everything and writes `docs/benchmark.md`; `--against URL` measures another server."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.bench import goals, machine, quotes
from tools.bench.baselines import (
    bare_root,
    run_docker_cli,
    stream_rate,
    supervisor_cpu_ms,
    write_cost,
)
from tools.bench.batches import measure_batches
from tools.bench.client import Sample, paced, repeated
from tools.bench.lanes import RUNS_PER_BOX, measure_lanes
from tools.bench.measurements import BareProgram, measure_growth, measure_load, measure_memory
from tools.bench.programs import PROGRAMS, PYTHON, Program
from tools.bench.report import Report
from tools.bench.service import ROOT, Target, own_service, warm_up

_SUPERVISOR_RUNS = 40
_REUSED_RUNS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--against", metavar="URL", help="measure another Piston-compatible server")
    parser.add_argument("--seconds", type=float, default=20, help="length of a sustained load")
    parser.add_argument("--runs", type=int, default=10_000, help="runs in a row to look for growth")
    options = parser.parse_args()

    report = Report(machine.description())
    with bare_programs() as bare:
        if options.against:
            measure_load(report, Target(options.against), bare, options.seconds)
            return
        _measure_all(report, bare, options.seconds, options.runs)
    report.write(quotes.BENCHMARK, ROOT / "docs" / "benchmark.png")
    quotes.renew_all()


@contextmanager
def bare_programs() -> Iterator[dict[Program, BareProgram]]:
    """Unpack the images of all programs, to run them as bare processes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bitrun-bench-")))
        yield {
            program: BareProgram(program, stack.enter_context(bare_root(program, folder)))
            for program in PROGRAMS
        }


def _measure_all(
    report: Report, bare: dict[Program, BareProgram], seconds: float, runs: int
) -> None:
    with own_service(compile_cache="0") as target:
        warm_up(target.url)
        measure_memory(report, target)
        samples = measure_load(report, target, bare, seconds)
        growth = measure_growth(report, target, runs, f"{runs} runs")
    lanes = measure_lanes(bare, seconds / 4)
    lanes.report(report)
    batches = measure_batches(bare)
    batches.report(report)
    with own_service(compile_cache="0", runs_per_box=str(RUNS_PER_BOX)) as target:
        warm_up(target.url)
        name = f"{_REUSED_RUNS} runs in reused boxes"
        reused_growth = measure_growth(report, target, _REUSED_RUNS, name)
    docker_run, cold = _measure_cold(report, bare[PYTHON])
    written, read = _measure_streams(report)
    supervisor = supervisor_cpu_ms(PYTHON, _SUPERVISOR_RUNS)
    report.fact("the supervisor's own CPU of a run", f"{supervisor:.2f} ms")
    cost, plain = write_cost(merge=False), write_cost(merge=True)
    report.fact("100,000 writes of one byte", f"{cost:.0f} ms of CPU")
    report.fact("the same into a plain pipe", f"{plain:.0f} ms of CPU")
    report.goals = [
        *goals.paced_goals(samples, bare),
        goals.burst_goal(samples, bare),
        *lanes.goals(),
        *batches.goals(),
        *goals.service_cpu_goals(samples),
        goals.supervisor_cpu_goal(supervisor),
        goals.write_goal(cost, plain),
        goals.cold_goal(cold, docker_run),
        goals.streaming_goal(written, read),
        growth,
        reused_growth,
    ]


def _measure_cold(report: Report, bare: BareProgram) -> tuple[Sample, Sample]:
    """Measure `docker run`, and a service without a pool."""
    docker_run = repeated(12, lambda: run_docker_cli(PYTHON))
    report.add("docker run: python", docker_run, bare.p50)
    with own_service(pool_size="0") as target:
        cold = target.measure(lambda: paced(target.url, PYTHON, 12, 0.7))
        report.add("python, cold", cold, bare.p50)
    return docker_run, cold


def _measure_streams(report: Report) -> tuple[float, float]:
    """Measure a program's output and stdin, in MB/s."""
    size = 10_000_000
    written = max(stream_rate(("head", "-c", str(size), "/dev/zero"), b"") for _ in range(3)) / 1e6
    read = max(stream_rate(("wc", "-c"), bytes(size)) for _ in range(3)) / 1e6
    report.fact("10 MB of output", f"{written:.0f} MB/s")
    report.fact("10 MB of stdin", f"{read:.0f} MB/s")
    return written, read


if __name__ == "__main__":
    main()
