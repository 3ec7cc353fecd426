"""The workers of a service, and requests that only one of them answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.server import Server
from tools.bench import machine


def workers(server: Server) -> set[int]:
    return set(machine.children(server.process.pid))


@contextmanager
def only(server: Server, worker: int) -> Iterator[None]:
    """Stop the other workers, so that this one accepts all connections."""
    others = workers(server) - {worker}
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)
