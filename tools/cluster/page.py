"""Writes the measured part of docs/cluster.md."""

import re
from pathlib import Path

from tests.support.paths import ROOT
from tools.cluster.scenarios import Findings

PAGE = ROOT / "docs" / "cluster.md"
_MAX_FAILURE = 300  # characters
_BEGIN, _END = "<!-- measured -->", "<!-- end -->"


def write(findings: Findings, machine: str, path: Path = PAGE) -> None:
    text = path.read_text()
    new = "\n".join([_BEGIN, "", *_lines(findings, machine), "", _END])
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
    if findings.failures:
        lines += ["", "Not as promised:", ""]
        lines += [f"- {' '.join(failure.split())[:_MAX_FAILURE]}" for failure in findings.failures]
    return lines
