"""poll(2), for code that waits for several descriptors at once."""

import select
from collections.abc import Mapping
from typing import Protocol

READABLE = select.POLLIN
HUNG_UP = select.POLLRDHUP


class Pollable(Protocol):
    def fileno(self) -> int: ...


def poll(wanted: Mapping[Pollable, int], timeout_ms: float | None = None) -> dict[int, int]:
    """Wait for one of the wanted events; None waits without a timeout.

    select() would do the same for descriptors below 1024 only.

    Returns:
        The events by descriptor; empty when the time is over.
    """
    waiting = select.poll()
    for pollable, events in wanted.items():
        waiting.register(pollable, events)
    return dict(waiting.poll(timeout_ms))
