"""Builds in progress: one for each package, shared by all requests for it."""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator

from bitrun.engine.build_output import Report

_MAX_LINES = 1000  # kept for followers who join late
_STEP = re.compile(r"Step (\d+)/(\d+) : ")  # how the engine's builder begins a step of a Dockerfile


def parse_step(line: str) -> tuple[int, int] | None:
    """Return the number of the step that a line of a build begins, and of all steps."""
    found = _STEP.match(line)
    return (int(found[1]), int(found[2])) if found else None


class Build:
    """A build in a thread of its own, which continues without followers."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self._line_count = 0
        self._over = False
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def follow(self, keepalive: float) -> Iterator[str]:
        """Yield the lines so far, then each new line until the end.

        After `keepalive` seconds without a line the last one is repeated, so that a server that
        forwards them notices a disconnected client, and no proxy closes an idle connection.

        Raises the error of the build.
        """
        seen = 0
        while True:
            with self._changed:
                if self._line_count == seen and not self._over:
                    self._changed.wait(keepalive)
                new = min(self._line_count - seen, len(self._lines))
                lines = list(self._lines)[-new:] if new else []
                seen, over = self._line_count, self._over
                if not lines and not over:
                    lines = [self._lines[-1] if self._lines else ""]
            yield from lines
            if over:
                break
        if self._error is not None:
            raise self._error

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; False if it has not come in time. Raises the error of the build."""
        with self._changed:
            is_over = self._changed.wait_for(lambda: self._over, seconds)
        if is_over and self._error is not None:
            raise self._error
        return is_over

    def add_line(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._line_count += 1
            self._changed.notify_all()

    def finish(self, error: Exception | None) -> None:
        with self._changed:
            self._error = error
            self._over = True
            self._changed.notify_all()


class Builds:
    """The builds of a process: no more threads than there are packages. Threads may share it."""

    def __init__(self) -> None:
        self._in_progress: dict[str, Build] = {}
        self._lock = threading.Lock()

    def join(self, name: str, work: Callable[[Report], None]) -> Build:
        """Return the build of this name that is in progress, or start it."""
        with self._lock:
            if name not in self._in_progress:
                build = self._in_progress[name] = Build()
                threading.Thread(
                    target=self._run,
                    args=(name, build, work),
                    name=f"build-{name}",
                    daemon=True,
                ).start()
            return self._in_progress[name]

    def _run(self, name: str, build: Build, work: Callable[[Report], None]) -> None:
        failure: Exception | None = None
        try:
            work(build.add_line)
        except Exception as error:  # noqa: BLE001  raised again in the threads that wait
            failure = error
        with self._lock:
            del self._in_progress[name]
        build.finish(failure)
