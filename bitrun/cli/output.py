"""Prints lists: a table on a terminal, tab-separated lines in a pipe, or JSON."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def printable(text: str, instead: str = "\ufffd") -> str:
    """Replace what could steer a terminal: control characters, which a program may have written."""
    return "".join(each if each.isprintable() else instead for each in text)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=dataclasses.asdict) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        for row in rows:
            sys.stdout.write("\t".join(row) + "\n")
        return
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
