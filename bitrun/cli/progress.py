"""Progress of a build: a live bar on a terminal, elsewhere a plain line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

_PLAIN_LINE_SECONDS = 5.0  # between two lines where there is no terminal

# A line of the build's output; which step it begins, and of how many, if it begins one.
Report = Callable[[str, tuple[int, int] | None], None]


@contextmanager
def progress(console: Console, subject: str) -> Iterator[Report]:
    """Yield a function that takes each line of a build.

    The bar is that of the image which is being built now: the parents of an image are built first,
    each with steps of its own.
    """
    if not console.is_terminal:
        yield _plain(console, subject)
        return
    text = TextColumn(
        "{task.fields[line]}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
    )
    columns = (SpinnerColumn(), "{task.description}", BarColumn(24), TimeElapsedColumn(), text)
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(subject, total=None, line="")

        def report(line: str, step: tuple[int, int] | None) -> None:
            if step is not None:
                bar.update(task, completed=step[0] - 1, total=step[1])
            bar.update(task, line=line)

        yield report


def _plain(console: Console, subject: str) -> Report:
    due = 0.0

    def report(line: str, _step: tuple[int, int] | None) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + _PLAIN_LINE_SECONDS
            console.print(f"{subject}: {line}", markup=False)

    return report
