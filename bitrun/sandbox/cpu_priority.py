"""Short runs first: a box that has run for long makes way for those that have just begun."""

import logging
import math
import threading
import time

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

_LONG_SECONDS = 0.5
_SHARES = 128  # of the processors, beside a new box's 1024

_log = logging.getLogger(__name__)


class CpuPriority:
    """Leaves a box that has run for long an eighth of a new one's claim to the processors.

    Were all boxes alike, a hello beside eight programs that spin would wait for each of them, over
    and over. The engine takes 20 ms of processor time for the change: too much for a short run.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._due: dict[str, float] = {}  # infinite once it is done
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asleep = False

    def begin(self, container: str) -> None:
        """Count from now, or from when it was first said."""
        with self._changed:
            self._due.setdefault(container, time.monotonic() + _LONG_SECONDS)
            # Not in the constructor: a thread does not live on in a forked worker.
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="precedence", daemon=True)
                self._thread.start()
            # Awake it looks by itself: in a stream of short runs, once in a while for all of them.
            if self._asleep:
                self._changed.notify()

    def end(self, container: str) -> None:
        with self._changed:
            self._due.pop(container, None)

    def _follow(self) -> None:
        while True:
            for container in self._wait():
                try:
                    self._engine.set_cpu_shares(container, _SHARES)
                except ServiceError as fault:
                    _log.debug("Box %s does not make way: %s", container[:12], fault)
                except Exception:  # noqa: BLE001  without this thread none would make way any more
                    _log.exception("Box %s does not make way", container[:12])

    def _wait(self) -> list[str]:
        """Wait until boxes are due, and return them."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [container for container, at in self._due.items() if at <= now]
                if due:
                    self._due |= dict.fromkeys(due, math.inf)
                    return due
                earliest = min(self._due.values(), default=math.inf)
                self._asleep = earliest == math.inf
                self._changed.wait(None if self._asleep else earliest - now)
                self._asleep = False
