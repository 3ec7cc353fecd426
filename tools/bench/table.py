"""Rows of Markdown tables."""

from collections.abc import Iterable


def write_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def read_row(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
