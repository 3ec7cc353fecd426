"""The registry of existing boxes, from their creation until the engine reports their removal."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bitrun.engine.engine import Engine
from bitrun.engine.events import CONTAINER_REMOVED, EngineEvents
from bitrun.engine.labels import INSTANCE
from bitrun.model.errors import ServiceError


@dataclass(frozen=True, slots=True)
class BoxCounts:
    """Boxes created and removed since the start, and those that exist now."""

    created: int
    removed: int
    existing: int


class BoxRegistry:
    """The boxes of one service. Threads may share it.

    `on_removed` is called with the seconds from a box's release to its removal by the engine.
    """

    def __init__(self, instance: str, on_removed: Callable[[float], None]) -> None:
        self._instance = instance
        self._on_removed = on_removed
        self._released_at: dict[str, float | None] = {}  # None while in use
        self._created = 0
        self._removed = 0
        self._lock = threading.Lock()

    def follow(self, events: EngineEvents, engine: Engine) -> None:
        """Observe the removal of boxes in the engine's events."""

        def on_event(action: str, container: str) -> None:
            if action == CONTAINER_REMOVED:
                self._remove(container)
            elif action == EngineEvents.RECONNECT:
                self._synchronize(engine)

        events.subscribe(on_event)

    def add(self, container: str) -> None:
        with self._lock:
            self._created += 1
            self._released_at[container] = None

    def release(self, container: str) -> None:
        """Note that a box is discarded: its removal is expected. Only the first call counts."""
        with self._lock:
            if container in self._released_at and self._released_at[container] is None:
                self._released_at[container] = time.monotonic()

    def stats(self) -> BoxCounts:
        with self._lock:
            return BoxCounts(self._created, self._removed, len(self._released_at))

    def _synchronize(self, engine: Engine) -> None:
        """Find the boxes that were removed while no events arrived."""
        with self._lock:
            known = set(self._released_at)
        if not known:
            return
        try:
            found = {each["Id"] for each in engine.list_containers(INSTANCE, self._instance)}
        except ServiceError:
            return  # repeated at the next reconnection
        for container in known - found:
            self._remove(container)

    def _remove(self, container: str) -> None:
        with self._lock:
            if container not in self._released_at:
                return
            released_at = self._released_at.pop(container)
            self._removed += 1
        if released_at is not None:
            self._on_removed(time.monotonic() - released_at)
