"""The janitor: a process that outlives a killed service by a moment and removes what it left.

A box that was started ends by itself when its owner goes. One that was created, but not started
yet, would stay for ever, and no signal handler runs at `kill -9`. So this process waits for the end
of a pipe that only the service holds, and then removes all containers of that instance.

Run as: python -m bitrun.sandbox.cleanup.janitor INSTANCE
"""

import subprocess
import sys
import time

_LOOK_SECONDS = 0.25
_QUIET_LOOKS = 12  # a creation that the engine had begun may still come to its end


def hire(instance: str) -> subprocess.Popen[bytes]:
    """Start a janitor for this process; it ends when this process does."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, instance],
        stdin=subprocess.PIPE,
        # Out of reach of a signal to the service's process group.
        start_new_session=True,
    )


def main(instance: str) -> None:
    sys.stdin.buffer.read()

    # Only now: until the end it should weigh as little as an interpreter can.
    from bitrun.engine.engine import Engine  # noqa: PLC0415
    from bitrun.engine.labels import INSTANCE  # noqa: PLC0415
    from bitrun.model.errors import ServiceError  # noqa: PLC0415

    engine = Engine()
    quiet = 0
    while quiet < _QUIET_LOOKS:
        quiet += 1
        try:
            for container in engine.list_containers(INSTANCE, instance):
                engine.remove_container(container["Id"])
                quiet = 0
        except ServiceError:
            pass  # the engine is away, or it was faster
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
