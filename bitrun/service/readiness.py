"""Whether the service can run programs now, at a price that any number of probes can be asked."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bitrun.model.errors import ServiceError

_KEPT_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0  # with an engine that hangs; most probes give up after that, too

NO_ENGINE, NO_RUNTIME = "engine", "runtime"


@dataclass(frozen=True, slots=True)
class State:
    """What can run, and what is missing for anything to run at all: nothing, when ready.

    A package that is not installed keeps nobody from running others: it is told, no more.
    """

    missing: tuple[str, ...]
    runtimes: int = 0
    not_installed: tuple[str, ...] = ()


class Readiness:
    """Asks `look`, which asks the engine, once a second at most and in one thread at most."""

    def __init__(self, look: Callable[[], State]) -> None:
        self._look = look
        self._state = State((NO_ENGINE,))
        self._looked_at = -_KEPT_SECONDS
        self._looking = False
        self._told = threading.Condition()

    def state(self) -> State:
        """Return what is so now, or was a second ago. It takes two seconds at most."""
        with self._told:
            if time.monotonic() - self._looked_at < _KEPT_SECONDS:
                return self._state
            if not self._looking:
                self._looking = True
                # In a thread of its own: a hung engine holds a call for a minute.
                threading.Thread(target=self._ask, name="readiness", daemon=True).start()
            if not self._told.wait_for(lambda: not self._looking, _PATIENCE_SECONDS):
                return State((NO_ENGINE,))
            return self._state

    def _ask(self) -> None:
        state = State((NO_ENGINE,))
        try:
            state = self._look()
        except ServiceError:
            pass  # that is the answer
        finally:
            with self._told:
                self._state = state
                self._looked_at = time.monotonic()
                self._looking = False
                self._told.notify_all()
