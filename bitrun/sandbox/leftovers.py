"""What a former life may have left on the engine: a crash, a power cut, nobody to clean up."""

import logging
import time

from bitrun.sandbox.engine import ROLE, Engine

# A living service starts a container at once, so one that is so old and never ran has no owner.
# Running ones need no help: a box ends by itself when its owner goes.
_ABANDONED_SECONDS = 60

_log = logging.getLogger(__name__)


def remove_leftovers(engine: Engine) -> None:
    """Remove the containers of ours, of whatever instance, that nobody will ever start.

    Raises:
        EngineUnavailable, EngineFault: the engine failed.
    """
    for container in engine.containers(ROLE):
        age = time.time() - container["Created"]
        if container["State"] in ("created", "exited", "dead") and age > _ABANDONED_SECONDS:
            _log.info("Removing %s, left over from a former life", container["Id"][:12])
            engine.remove(container["Id"])
