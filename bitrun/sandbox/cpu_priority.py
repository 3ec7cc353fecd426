"""Gives short runs priority: lowers the CPU shares of boxes whose stage has run for long."""

import logging
import math
import threading
import time

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

_LONG_SECONDS = 0.5
_LOW_SHARES = 128  # a new box has 1024

_log = logging.getLogger(__name__)


class CpuPriority:
    """Lowers the CPU weight of a box half a second after its first stage began, to an eighth.

    With equal weights, a hello beside eight programs that spin would wait for each of them in every
    round. The engine takes 20 ms of processor time for the change: too much for a short run.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._due: dict[str, float] = {}  # infinite once the shares are lowered
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asleep = False

    def begin(self, container: str) -> None:
        """Start the time of a container, unless it has been started before."""
        with self._changed:
            self._due.setdefault(container, time.monotonic() + _LONG_SECONDS)
            # Not in the constructor: a thread does not survive the fork of a worker.
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cpu-priority", daemon=True)
                self._thread.start()
            # While it waits for a due time it need not be notified: in a stream of short runs it
            # wakes up twice a second for all of them.
            if self._asleep:
                self._changed.notify()

    def end(self, container: str) -> bool:
        """Stop the time of a container; return whether its weight was lowered."""
        with self._changed:
            return self._due.pop(container, 0.0) == math.inf

    def _work(self) -> None:
        while True:
            for container in self._wait():
                try:
                    self._engine.set_cpu_shares(container, _LOW_SHARES)
                except ServiceError as error:
                    _log.debug("CPU shares of box %s not lowered: %s", container[:12], error)
                except Exception:  # noqa: BLE001  the thread must survive
                    _log.exception("CPU shares of box %s not lowered", container[:12])

    def _wait(self) -> list[str]:
        """Wait until containers are due, and return them."""
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
