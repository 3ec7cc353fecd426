"""Removes a box by force, also one that can't die."""

from bitrun.engine.engine import Engine
from bitrun.model.errors import EngineError
from bitrun.sandbox.supervisor import SUPERVISOR


def remove_box(engine: Engine, container: str) -> None:
    """Kill and remove a box. One already removed, or being removed, is no error.

    Its PID 1 may wait for a lock that a program of the box holds (images/supervisor/watchdog.h).
    Then SIGKILL has no effect, and if the kernel has sent it for lack of memory, no watchdog is
    left. So if the engine fails, the programs are killed from inside.

    Raises:
        EngineUnavailable, EngineError: the engine failed.
    """
    try:
        engine.remove_container(container)
    except EngineError:
        engine.execute(container, [SUPERVISOR, "kill"])
        engine.remove_container(container)
