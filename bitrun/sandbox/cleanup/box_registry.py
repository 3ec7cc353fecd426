"""Which boxes exist, from their making until the engine says that they are gone."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bitrun.engine.engine import Engine
from bitrun.engine.events import CONTAINER_GONE, EngineEvents
from bitrun.engine.labels import INSTANCE
from bitrun.model.errors import ServiceError


@dataclass(frozen=True, slots=True)
class BoxCounts:
    """Boxes made and gone since the start, and how many there are."""

    made: int
    gone: int
    existing: int


class BoxRegistry:
    """The boxes of one service. `gone` is told the seconds from leaving one to its removal."""

    def __init__(self, instance: str, gone: Callable[[float], None]) -> None:
        self._instance = instance
        self._gone = gone
        self._left_at: dict[str, float | None] = {}
        self._made = 0
        self._ended = 0
        self._lock = threading.Lock()

    def follow(self, watch: EngineEvents, engine: Engine) -> None:
        """Learn of the end of boxes from the engine's events."""

        def hear(action: str, container: str) -> None:
            if action == CONTAINER_GONE:
                self._remove(container)
            elif action == EngineEvents.RECONNECT:
                self._look(engine)

        watch.listen(hear)

    def made(self, container: str) -> None:
        with self._lock:
            self._made += 1
            self._left_at[container] = None

    def left(self, container: str) -> None:
        with self._lock:
            if container in self._left_at and self._left_at[container] is None:
                self._left_at[container] = time.monotonic()

    def stats(self) -> BoxCounts:
        with self._lock:
            return BoxCounts(self._made, self._ended, len(self._left_at))

    def _look(self, engine: Engine) -> None:
        """Find what has gone while no events came."""
        with self._lock:
            known = set(self._left_at)
        if not known:
            return
        try:
            found = {each["Id"] for each in engine.list_containers(INSTANCE, self._instance)}
        except ServiceError:
            return  # the next connection tells
        for container in known - found:
            self._remove(container)

    def _remove(self, container: str) -> None:
        with self._lock:
            if container not in self._left_at:
                return
            left_at = self._left_at.pop(container)
            self._ended += 1
        if left_at is not None:
            self._gone(time.monotonic() - left_at)
