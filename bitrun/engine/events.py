"""Distribution of the engine's events, so that no part of the service has to poll it."""

import logging
import threading
import time
from collections.abc import Callable

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

IMAGE_EVENTS = ("tag", "untag", "delete", "load", "import", "pull")
CONTAINER_REMOVED = "destroy"

_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)

Listener = Callable[[str, str], None]


class EngineEvents:
    """Follows one engine's events in a thread, which starts when `connected` is first read.

    While the engine is unavailable no events arrive and `connected` is False: a cache that relies
    on events must not be used then. After a reconnection listeners get `RECONNECT`, as events may
    have been missed.
    """

    RECONNECT = "reconnect"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connected = False

    @property
    def connected(self) -> bool:
        if self._thread is None:
            with self._lock:
                # Not in the constructor: a thread does not survive the fork of a worker.
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._follow, name="engine-events", daemon=True
                    )
                    self._thread.start()
        return self._connected

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with each event: its action and the id of the image or container."""
        self._listeners.append(listener)

    def _follow(self) -> None:
        while True:
            try:
                events = self._engine.events((*IMAGE_EVENTS, CONTAINER_REMOVED))
                self._notify(self.RECONNECT, "")
                self._connected = True
                for action, identity in events:
                    self._notify(action, identity)
            except ServiceError as error:
                _log.debug("The engine's events are not available: %s", error)
            except Exception:  # noqa: BLE001
                # If this thread ended, all caches would stay as they are.
                _log.exception("The engine's events could not be followed")
            finally:
                self._connected = False
            time.sleep(_RETRY_SECONDS)

    def _notify(self, action: str, identity: str) -> None:
        for listener in self._listeners:
            listener(action, identity)
