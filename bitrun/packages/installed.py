"""Which packages are installed, remembered until the engine says that its images have changed."""

import threading
from collections.abc import Mapping

from bitrun.engine.events import IMAGE_EVENTS, EngineEvents
from bitrun.images.sealed import Installed, SealedImages


class InstalledPackages:
    """The answer of `SealedImages.installed` without a round trip to the engine for each request.

    The engine's own events tell of a change, whoever made it: another worker, another service, an
    operator at the command line.
    """

    def __init__(self, images: SealedImages, watch: EngineEvents) -> None:
        self._images = images
        self._watch = watch
        self._known: Mapping[str, Installed] | None = None
        self._changes = 0
        self._lock = threading.Lock()
        watch.subscribe(self._hear)

    def __call__(self) -> Mapping[str, Installed]:
        """Return the installed packages by id.

        Raises:
            EngineUnavailable, EngineError: the engine can't be asked.
        """
        known = self._known
        if known is not None and self._watch.connected:
            return known
        connected, changes = self._watch.connected, self._changes
        found = self._images.installed()
        with self._lock:
            # A change that came while the engine was asked may be missing from its answer.
            if connected and changes == self._changes:
                self._known = found
        return found

    @property
    def known(self) -> Mapping[str, Installed] | None:
        """What was last heard, without a word to the engine; None if that is not certain."""
        return self._known if self._watch.connected else None

    def forget(self) -> None:
        """Ask the engine anew next time."""
        with self._lock:
            self._changes += 1
            self._known = None

    def _hear(self, action: str, _: str) -> None:
        if action == EngineEvents.RECONNECT or action in IMAGE_EVENTS:
            self.forget()
