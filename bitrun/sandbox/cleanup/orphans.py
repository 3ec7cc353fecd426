"""Removes containers orphaned by an earlier process: after a crash or a power cut."""

import logging
import time

from bitrun.engine.engine import Engine
from bitrun.engine.labels import ROLE

# A live service starts a container right after its creation, so one that has not run for this long
# has no owner. Running boxes need no removal: they end by themselves when their owner disconnects.
_ORPHAN_SECONDS = 60

_log = logging.getLogger(__name__)


class OrphanRemover:
    """Removes our containers, of any instance, that will never be started.

    Their age is measured with our own monotonic clock, between calls of `remove`: the engine's
    creation time is from the clock of another machine, or from one that has been set since.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._first_seen: dict[str, float] = {}

    def remove(self) -> None:
        """Check once; to be called periodically.

        Raises:
            EngineUnavailable, EngineError: the engine failed.
        """
        now = time.monotonic()
        self._first_seen = {
            container["Id"]: self._first_seen.get(container["Id"], now)
            for container in self._engine.list_containers(ROLE)
            if container["State"] in ("created", "exited", "dead")
        }
        for container, first_seen in self._first_seen.items():
            if now - first_seen >= _ORPHAN_SECONDS:
                _log.info("Removing the orphaned container %s", container[:12])
                self._engine.remove_container(container)
