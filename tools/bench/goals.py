"""The goals of the benchmark, and whether the samples reach them."""

from tools.bench.client import Sample
from tools.bench.measurements import BURST, BareProgram, burst_name, paced_name
from tools.bench.programs import PYTHON, C, Program
from tools.bench.report import Goal


def paced_goals(samples: dict[str, Sample], bare: dict[Program, BareProgram]) -> list[Goal]:
    python, c = samples[paced_name(PYTHON)], samples[paced_name(C)]
    return [
        _overhead_goal("python hello, paced, p50", python, bare[PYTHON].paced, 0.5, 5),
        _overhead_goal("python hello, paced, p95", python, bare[PYTHON].paced, 0.95, 15),
        _overhead_goal("C hello, paced, p50", c, bare[C].paced, 0.5, 10),
    ]


def burst_goal(samples: dict[str, Sample], bare: dict[Program, BareProgram]) -> Goal:
    ratio = samples[burst_name(PYTHON)].seconds / bare[PYTHON].burst_seconds
    return Goal(f"burst of {BURST}", "≤ 2 x bare", f"{ratio:.2f} x bare", ratio <= 2)


def service_cpu_goals(samples: dict[str, Sample]) -> list[Goal]:
    """CPU time of the service per run.

    During a burst the pool is not refilled, so that it is that of the request's path alone.
    """
    path = samples[burst_name(PYTHON)].service_cpu_per_run
    total = samples[paced_name(PYTHON)].service_cpu_per_run
    return [
        Goal("the service's own CPU on the request's path", "≤ 3 ms", f"{path:.1f} ms", path <= 3),
        Goal("the service's own CPU, box included", "≤ 10 ms", f"{total:.1f} ms", total <= 10),
    ]


def supervisor_cpu_goal(milliseconds: float) -> Goal:
    return Goal(
        "the supervisor's own CPU per run", "≤ 1 ms", f"{milliseconds:.2f} ms", milliseconds <= 1
    )


def write_goal(cost: float, plain: float) -> Goal:
    ratio = cost / plain
    return Goal("writes of one byte", "≤ 2 x a plain pipe", f"{ratio:.2f} x", ratio <= 2)


def cold_goal(cold: Sample, docker_run: Sample) -> Goal:
    ratio = cold.quantile(0.5) / docker_run.quantile(0.5)
    return Goal("cold run", "≤ docker run", f"{ratio:.2f} x docker run", ratio <= 1)


def streaming_goal(written: float, read: float) -> Goal:
    met = min(written, read) >= 100
    return Goal("streaming, out and in", "≥ 100 MB/s", f"{written:.0f} and {read:.0f} MB/s", met)


def _overhead_goal(name: str, sample: Sample, bare: Sample, share: float, limit_ms: float) -> Goal:
    overhead = sample.quantile(share) - bare.quantile(share)
    return Goal(
        name, f"≤ bare + {limit_ms:.0f} ms", f"bare {overhead:+.1f} ms", overhead <= limit_ms
    )
