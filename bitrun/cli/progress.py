"""Tells of long work: in a live bar on a terminal, elsewhere in a plain line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from bitrun.packages.builds import step_of

_PAUSE = 5.0  # seconds between plain lines


@contextmanager
def progress(console: Console, subject: str) -> Iterator[Callable[[str], None]]:
    """Yield what takes the lines that the work on a subject gives.

    The bar is that of the image which is being made now: an image's parents are made before it.
    """
    if not console.is_terminal:
        yield _plain(console, subject)
        return
    line = TextColumn(
        "{task.fields[line]}",
        markup=False,
        table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
    )
    columns = (SpinnerColumn(), "{task.description}", BarColumn(24), TimeElapsedColumn(), line)
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(subject, total=None, line="")

        def report(line: str) -> None:
            step = step_of(line)
            if step is not None:
                bar.update(task, completed=step[0] - 1, total=step[1])
            bar.update(task, line=line)

        yield report


def _plain(console: Console, subject: str) -> Callable[[str], None]:
    due = 0.0

    def report(line: str) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + _PAUSE
            console.print(f"{subject}: {line}", markup=False)

    return report
