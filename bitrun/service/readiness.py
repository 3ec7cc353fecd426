"""Readiness: whether the service can run programs now, cheap enough for any number of probes."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bitrun.model.errors import ServiceError

_CACHE_SECONDS = 1.0
_TIMEOUT_SECONDS = 2.0  # for an engine that hangs; most probes give up after that, too

# The last is a node of a cluster that has not got its packages yet.
NO_ENGINE, NO_RUNTIME, ARRIVING = "engine", "runtime", "packages"


@dataclass(frozen=True, slots=True)
class State:
    """What is missing for anything to run, empty when ready; and how many runtimes there are.

    `not_installed` names missing packages of the settings. Since others can run without them, they
    do not make the service unready.
    """

    missing: tuple[str, ...]
    runtimes: int = 0
    not_installed: tuple[str, ...] = ()


class Readiness:
    """Caches the result of `check`, which asks the engine.

    It runs once a second at most, and in one thread at most. Its `ServiceError` means NO_ENGINE.
    """

    def __init__(self, check: Callable[[], State]) -> None:
        self._check = check
        self._state = State((NO_ENGINE,))
        self._checked_at = -_CACHE_SECONDS
        self._checking = False
        self._finished = threading.Condition()

    def state(self) -> State:
        """Return the state, at most a second old; takes two seconds at most."""
        with self._finished:
            if time.monotonic() - self._checked_at < _CACHE_SECONDS:
                return self._state
            if not self._checking:
                self._checking = True
                # In a thread of its own: a hung engine blocks a call for a minute.
                threading.Thread(target=self._run_check, name="readiness", daemon=True).start()
            if not self._finished.wait_for(lambda: not self._checking, _TIMEOUT_SECONDS):
                return State((NO_ENGINE,))
            return self._state

    def _run_check(self) -> None:
        state = State((NO_ENGINE,))
        try:
            state = self._check()
        except ServiceError:
            pass  # the state says so
        finally:
            with self._finished:
                self._state = state
                self._checked_at = time.monotonic()
                self._checking = False
                self._finished.notify_all()
