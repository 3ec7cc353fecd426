"""The table and the chart."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from tools.bench.client import Sample

_HEAD = """\
Written by `make bench`, all in one run on one machine: {machine}. Absolute times move from machine
to machine and with what else runs there; the ratios are what counts. `x bare` is the p50 as a
multiple of the same commands run as bare processes out of the same image. CPU is that of the whole
machine, the client's included, and in brackets the service's own.\
"""


@dataclass(frozen=True)
class Goal:
    """What was to be reached, what was, and whether that is enough."""

    what: str
    wanted: str
    reached: str
    met: bool


@dataclass
class Report:
    """Everything measured in one go."""

    machine: str
    rows: list[tuple[str, Sample, float]] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def add(self, name: str, sample: Sample, baseline: float) -> Sample:
        """Keep a row, with the p50 (in milliseconds) that it is a multiple of."""
        self.rows.append((name, sample, baseline))
        print(_line(name, sample, baseline), flush=True)
        return sample

    def fact(self, name: str, value: str) -> None:
        self.facts.append((name, value))
        print(f"| {name} | {value} |", flush=True)

    def write(self, page: Path, chart: Path) -> None:
        _draw(self.rows, chart)
        page.write_text(
            "\n".join(
                [
                    "# Benchmark",
                    "",
                    _HEAD.format(machine=self.machine),
                    "",
                    f"![p50 of each, in milliseconds]({chart.name})",
                    "",
                    "| what | x bare | p50 ms | p95 ms | p99 ms | runs/s | errors | CPU ms a run |",
                    "|---|---|---|---|---|---|---|---|",
                    *(_line(*row) for row in self.rows),
                    "",
                    "| what | measured |",
                    "|---|---|",
                    *(f"| {name} | {value} |" for name, value in self.facts),
                    "",
                    "## Goals",
                    "",
                    "| what | to reach | reached | |",
                    "|---|---|---|---|",
                    *(
                        f"| {goal.what} | {goal.wanted} | {goal.reached} | "
                        f"{'yes' if goal.met else '**no**'} |"
                        for goal in self.goals
                    ),
                    "",
                    "What each part costs, and why what is missed is missed: [speed](speed.md).",
                    "",
                ]
            ),
            encoding="utf-8",
        )


def _line(name: str, sample: Sample, baseline: float) -> str:
    runs = max(1, len(sample.times))
    cpu = f"{sample.machine_cpu_ms / runs:.0f}" if sample.machine_cpu_ms else ""
    if sample.service_cpu_ms:
        cpu += f" ({sample.service_cpu_ms / runs:.1f})"
    p50, p95, p99 = (f"{sample.quantile(share):.1f}" for share in (0.5, 0.95, 0.99))
    ratio = f"{sample.quantile(0.5) / baseline:.1f}" if baseline else ""
    rate = f"{sample.rate:.1f}"
    return f"| {name} | {ratio} | {p50} | {p95} | {p99} | {rate} | {sample.errors} | {cpu} |"


def _draw(rows: Sequence[tuple[str, Sample, float]], chart: Path) -> None:
    names = [name for name, _, _ in rows][::-1]
    medians = [sample.quantile(0.5) for _, sample, _ in rows][::-1]
    tails = [sample.quantile(0.95) for _, sample, _ in rows][::-1]
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(rows) + 1.2))
    axes.barh(names, tails, color="#c9d7e8", label="p95")
    axes.barh(names, medians, color="#2f5d8a", label="p50")
    for place, median in enumerate(medians):
        axes.text(median, place, f" {median:.0f}", va="center", fontsize=8)
    axes.set_xlabel("milliseconds")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(chart, dpi=120)
