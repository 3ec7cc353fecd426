"""What a former life may have left on the engine: a crash, a power cut, nobody to clean up."""

import logging
import time

from bitrun.engine.engine import Engine
from bitrun.engine.labels import ROLE

# A living service starts a container at once, so one that has not run for so long has no owner.
# Running ones need no help: a box ends by itself when its owner goes.
_ABANDONED_SECONDS = 60

_log = logging.getLogger(__name__)


class OrphanRemover:
    """Removes the containers of ours, of whatever instance, that nobody will ever start.

    For how long they have been there is told by our own clock, from one look to the next. When the
    engine made a container is told by another machine's clock, or by one that was set since.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._since: dict[str, float] = {}

    def remove(self) -> None:
        """Look once; to be called every now and then.

        Raises:
            EngineUnavailable, EngineError: the engine failed.
        """
        now = time.monotonic()
        self._since = {
            container["Id"]: self._since.get(container["Id"], now)
            for container in self._engine.list_containers(ROLE)
            if container["State"] in ("created", "exited", "dead")
        }
        for container, since in self._since.items():
            if now - since >= _ABANDONED_SECONDS:
                _log.info("Removing %s, left over from a former life", container[:12])
                self._engine.remove_container(container)
