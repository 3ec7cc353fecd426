"""The janitor: a process that outlives a killed service briefly and removes its containers.

A started box ends by itself when its owner disconnects. A container that was created but not yet
started would stay for ever, and no signal handler runs at `kill -9`. So this process reads a pipe
whose only writer is the service, and at its end removes all containers of that instance.

Run as: python -m bitrun.sandbox.cleanup.janitor INSTANCE
"""

import subprocess
import sys
import time

_CHECK_INTERVAL_SECONDS = 0.25
_EMPTY_CHECKS = 12  # before it exits: a creation that the engine had begun may still complete


def start(instance: str) -> subprocess.Popen[bytes]:
    """Start a janitor for this process; it ends when this process does."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, instance],
        stdin=subprocess.PIPE,
        # A signal to the service's process group must not reach it.
        start_new_session=True,
    )


def main(instance: str) -> None:
    sys.stdin.buffer.read()

    # Imported only now: while it waits it should use no more memory than an interpreter needs.
    from bitrun.engine.engine import Engine  # noqa: PLC0415
    from bitrun.engine.labels import INSTANCE  # noqa: PLC0415
    from bitrun.model.errors import ServiceError  # noqa: PLC0415
    from bitrun.sandbox.cleanup.removal import remove_box  # noqa: PLC0415

    engine = Engine()
    empty_checks = 0
    while empty_checks < _EMPTY_CHECKS:
        empty_checks += 1
        try:
            for container in engine.list_containers(INSTANCE, instance):
                remove_box(engine, container["Id"])
                empty_checks = 0
        except ServiceError:
            pass  # the engine is unavailable, or has removed the container itself
        time.sleep(_CHECK_INTERVAL_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
