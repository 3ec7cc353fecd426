"""Builds under way, each of them once: for all who ask, and whoever of them leaves."""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator

Report = Callable[[str], None]

_KEPT_LINES = 1000  # for those who join late
_STEP = re.compile(r"Step (\d+)/(\d+) : ")  # how the engine's builder begins a step of a Dockerfile


def step_of(line: str) -> tuple[int, int] | None:
    """Tell which step of how many a build's line begins, if it does."""
    found = _STEP.match(line)
    return (int(found[1]), int(found[2])) if found else None


class Build:
    """Work in a thread of its own, which goes on whether or not anybody follows it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._told = 0
        self._over = False
        self._fault: Exception | None = None
        self._changed = threading.Condition()

    def follow(self, silence: float) -> Iterator[str]:
        """Give the lines that were told so far, then each as it comes, to the end.

        After `silence` seconds without one the last is given again, so that whoever passes them on
        notices a listener who is gone, and nobody in between takes the connection for dead.

        Raises whatever the work has raised.
        """
        seen = 0
        while True:
            with self._changed:
                if self._told == seen and not self._over:
                    self._changed.wait(silence)
                new = min(self._told - seen, len(self._lines))
                lines = list(self._lines)[-new:] if new else []
                seen, over = self._told, self._over
                if not lines and not over:
                    lines = [self._lines[-1] if self._lines else ""]
            yield from lines
            if over:
                break
        if self._fault is not None:
            raise self._fault

    def wait(self) -> None:
        """Wait for the end. Raises whatever the work has raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._over)
        if self._fault is not None:
            raise self._fault

    def tell(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._told += 1
            self._changed.notify_all()

    def end(self, fault: Exception | None) -> None:
        with self._changed:
            self._fault = fault
            self._over = True
            self._changed.notify_all()


class Builds:
    """The builds of a process: never more threads than there are different ones."""

    def __init__(self) -> None:
        self._under_way: dict[str, Build] = {}
        self._lock = threading.Lock()

    def join(self, name: str, work: Callable[[Report], None]) -> Build:
        """Join the build of this name, or begin it if there is none."""
        with self._lock:
            if name not in self._under_way:
                build = self._under_way[name] = Build()
                threading.Thread(
                    target=self._carry_out,
                    args=(name, build, work),
                    name=f"build-{name}",
                    daemon=True,
                ).start()
            return self._under_way[name]

    def _carry_out(self, name: str, build: Build, work: Callable[[Report], None]) -> None:
        fault: Exception | None = None
        try:
            work(build.tell)
        except Exception as error:  # noqa: BLE001  it is raised again in whoever waits
            fault = error
        with self._lock:
            del self._under_way[name]
        build.end(fault)
