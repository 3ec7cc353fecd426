"""Gives short runs priority: lowers the CPU shares of boxes whose job has run for long."""

import logging
import math
import threading
import time

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

_LONG_SECONDS = 0.5
_LOW_SHARES, _NORMAL_SHARES = 128, 1024

_log = logging.getLogger(__name__)


class CpuPriority:
    """Lowers the CPU weight of a box half a second after its job began, to an eighth.

    With equal weights, a hello beside eight programs that spin would wait for each of them in every
    round. The engine takes 20 ms of processor time for the change: too much for a short run.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._due: dict[str, float] = {}  # infinite once the shares are lowered
        self._lowered: set[str] = set()  # to be set back for another job
        self._restoring: set[str] = set()  # by the thread; a failure leaves it here
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

    def end(self, container: str) -> None:
        """Forget a container."""
        with self._changed:
            self._due.pop(container, None)
            self._lowered.discard(container)
            self._restoring.discard(container)

    def restore(self, container: str) -> None:
        """Stop the time of a container, and begin to set back its weight for another job."""
        with self._changed:
            if self._due.pop(container, 0.0) == math.inf:
                self._lowered.add(container)
                self._changed.notify()

    def is_restored(self, container: str) -> bool:
        with self._changed:
            return container not in self._lowered | self._restoring

    def _work(self) -> None:
        while True:
            for container, shares in self._wait().items():
                try:
                    self._engine.set_cpu_shares(container, shares)
                except ServiceError as error:
                    _log.debug("CPU shares of box %s not changed: %s", container[:12], error)
                except Exception:  # noqa: BLE001  the thread must survive
                    _log.exception("CPU shares of box %s not changed", container[:12])
                else:
                    if shares == _NORMAL_SHARES:
                        with self._changed:
                            self._restoring.discard(container)

    def _wait(self) -> dict[str, int]:
        """Wait until weights are to be changed; return the new ones by container."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [container for container, at in self._due.items() if at <= now]
                if due or self._lowered:
                    self._due |= dict.fromkeys(due, math.inf)
                    restored, self._lowered = self._lowered, set()
                    self._restoring |= restored
                    return dict.fromkeys(due, _LOW_SHARES) | dict.fromkeys(restored, _NORMAL_SHARES)
                earliest = min(self._due.values(), default=math.inf)
                self._asleep = earliest == math.inf
                self._changed.wait(None if self._asleep else earliest - now)
                self._asleep = False
