"""Tells of long work: in one live line on a terminal, elsewhere in a plain line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_PAUSE = 5.0  # seconds between plain lines


@contextmanager
def progress(console: Console, subject: str) -> Iterator[Callable[[str], None]]:
    """Yield what takes the lines that the work on a subject gives."""
    if not console.is_terminal:
        yield _plain(console, subject)
        return
    with console.status(subject) as status:
        yield lambda line: status.update(
            Text(f"{subject}: {line}", no_wrap=True, overflow="ellipsis")
        )


def _plain(console: Console, subject: str) -> Callable[[str], None]:
    due = 0.0

    def report(line: str) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + _PAUSE
            console.print(f"{subject}: {line}", markup=False)

    return report
