"""Writes the measured part of docs/cluster.md."""

import re
from pathlib import Path

from tests.support.paths import ROOT
from tools.cluster.costs import Costs
from tools.cluster.scenarios import Findings

PAGE = ROOT / "docs" / "cluster.md"
_MAX_FAILURE = 300  # characters
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"


def write(findings: Findings, costs: Costs, machine: str, path: Path = PAGE) -> None:
    text = path.read_text()
    lines = [*_lines(findings, machine), "", *costs.lines()]
    new = "\n".join([_BEGIN, "", *lines, "", _END])
    path.write_text(re.sub(f"{_BEGIN}\n.*?{_END}", lambda _: new, text, flags=re.DOTALL))


def _lines(findings: Findings, machine: str) -> list[str]:
    lines = [f"Measured on {machine}.", ""]
    if findings.rates:
        lines += ["| nodes | runs/s | times one node |", "|---|---|---|"]
        lines += [
            f"| {nodes} | {rate:.2f} | {rate / findings.rates[0]:.2f} |"
            for nodes, rate in enumerate(findings.rates, 1)
        ]
        lines.append("")
    lines += [
        "| while | runs | errors | tried again by HAProxy | longest answer |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {event.name} | {event.runs} | {event.wrong.total()} | {event.retried} "
        f"| {event.slowest:.1f} s |"
        for event in findings.events
    ]
    lines += [line for note in findings.notes for line in ("", note)]
    if findings.failures:
        lines += ["", "Not as promised:", ""]
        lines += [f"- {' '.join(failure.split())[:_MAX_FAILURE]}" for failure in findings.failures]
    return lines
