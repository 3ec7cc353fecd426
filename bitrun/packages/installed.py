"""A cache of the installed packages, invalidated by the engine's events."""

import threading
from collections.abc import Mapping

from bitrun.engine.events import IMAGE_EVENTS, EngineEvents
from bitrun.images.sealed import InstalledPackage, SealedImages


class InstalledPackages:
    """Caches `SealedImages.installed`, so that a request needs no round trip to the engine.

    The engine's events report every change: by this process or another worker, by another service,
    or by an operator at the command line.
    """

    def __init__(self, images: SealedImages, events: EngineEvents) -> None:
        self._images = images
        self._events = events
        self._cached: Mapping[str, InstalledPackage] | None = None
        self._changes = 0
        self._lock = threading.Lock()
        events.subscribe(self._on_event)

    def __call__(self) -> Mapping[str, InstalledPackage]:
        """Return the installed packages by id; the same object until something changes.

        Raises:
            EngineUnavailable, EngineError: the cache is invalid, and the engine failed.
        """
        cached = self._cached
        if cached is not None and self._events.connected:
            return cached
        connected, changes = self._events.connected, self._changes
        found = self._images.installed()
        with self._lock:
            # A change during the query may be missing from its answer.
            if connected and changes == self._changes:
                self._cached = found
        return found

    @property
    def cached(self) -> Mapping[str, InstalledPackage] | None:
        """The installed packages without a query to the engine; None if the cache is invalid."""
        return self._cached if self._events.connected else None

    def invalidate(self) -> None:
        """Query the engine at the next call."""
        with self._lock:
            self._changes += 1
            self._cached = None

    def _on_event(self, action: str, _: str) -> None:
        if action == EngineEvents.RECONNECT or action in IMAGE_EVENTS:
            self.invalidate()
