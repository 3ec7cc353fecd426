"""What happens on the engine, told as it happens, so that nobody has to ask again and again."""

import logging
import threading
import time
from collections.abc import Callable

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

IMAGE_EVENTS = ("tag", "untag", "delete", "load", "import", "pull")
CONTAINER_GONE = "destroy"

_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)

Listener = Callable[[str, str], None]


class EngineEvents:
    """Listens to one engine's events, in a thread that starts with the first need.

    While the engine is away nothing is told, and `connected` is False: whoever keeps what events
    refresh must ask the engine itself then. On its return listeners are told `reconnect`.
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
                # Not in the constructor: a thread does not live on in a forked worker.
                if self._thread is None:
                    self._thread = threading.Thread(target=self._follow, name="watch", daemon=True)
                    self._thread.start()
        return self._connected

    def listen(self, listener: Listener) -> None:
        """Have every event told: its name and the id of the image or container."""
        self._listeners.append(listener)

    def _follow(self) -> None:
        while True:
            try:
                events = self._engine.events((*IMAGE_EVENTS, CONTAINER_GONE))
                self._tell(self.RECONNECT, "")
                self._connected = True
                for action, identity in events:
                    self._tell(action, identity)
            except ServiceError as fault:
                _log.debug("No events: %s", fault)
            except Exception:  # noqa: BLE001
                # Without this thread everyone would go on believing what was true before.
                _log.exception("The engine's events could not be followed")
            finally:
                self._connected = False
            time.sleep(_RETRY_SECONDS)

    def _tell(self, action: str, identity: str) -> None:
        for listener in self._listeners:
            listener(action, identity)
