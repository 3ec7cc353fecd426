"""Figures of `docs/benchmark.md` that other pages quote.

`python -m tools.bench.quotes` renews them in all pages.

A quoted number is followed by a comment that names its row and its column there:

    24.6<!-- python, 2 a second / p50 ms --> ms

or it is as many times that, of which two digits count:

    1,100<!-- lanes: python, 8 at once, reused boxes / runs/s * 10 --> a second
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tools.bench.service import ROOT
from tools.bench.table import read_row

BENCHMARK = ROOT / "docs" / "benchmark.md"

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_OF_SERVICE = re.compile(rf" \(({_NUMBER.pattern})\)$")
_QUOTE = re.compile(r"-?\d[\d,]*(?:\.\d+)?(<!-- (.+?) / (.+?)(?: \* ([\d.]+))? -->)")

Figures = Mapping[tuple[str, str], str]


def pages() -> list[Path]:
    """Return the pages that quote a figure."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if _QUOTE.search(page.read_text(encoding="utf-8"))]


def read_figures(benchmark: str) -> dict[tuple[str, str], str]:
    """Return the first number of each cell of the tables, by row and column.

    A second one in brackets is that of the service itself, as in "15 (1.7)", and its column gets
    this name: "CPU ms/run (service)".
    """
    figures: dict[tuple[str, str], str] = {}
    columns: list[str] = []
    for line in benchmark.splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = read_row(line)
        if not columns:
            columns = cells
            continue
        for column, cell in zip(columns[1:], cells[1:], strict=True):
            if found := _NUMBER.search(cell):
                figures[cells[0], column] = found[0]
            if found := _OF_SERVICE.search(cell):
                figures[cells[0], f"{column} (service)"] = found[1]
    return figures


def renewed(text: str, figures: Figures) -> str:
    """Return a page with the figures as they are now.

    Raises:
        KeyError: the benchmark has no such row or column.
    """

    def number(found: re.Match[str]) -> str:
        figure = figures[found[2], found[3]]
        return (_multiplied(figure, found[4]) if found[4] else figure) + found[1]

    return _QUOTE.sub(number, text)


def _multiplied(figure: str, factor: str) -> str:
    return f"{float(f'{float(figure) * float(factor):.1e}'):,.0f}"


def renew_all() -> None:
    figures = read_figures(BENCHMARK.read_text(encoding="utf-8"))
    for page in pages():
        page.write_text(renewed(page.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    renew_all()
