"""poll(2), for code that waits for several ends at once."""

import select
from collections.abc import Mapping
from typing import Protocol

READABLE = select.POLLIN
HUNG_UP = select.POLLRDHUP


class Pollable(Protocol):
    def fileno(self) -> int: ...


def poll(wanted: Mapping[Pollable, int], timeout_ms: float | None = None) -> dict[int, int]:
    """Wait for one of the wanted events; without `timeout_ms`, for as long as it takes.

    Returns:
        The events by descriptor; nothing when the time is over. select() would do, but for its
        limit of 1024 descriptors.
    """
    waiting = select.poll()
    for pollable, events in wanted.items():
        waiting.register(pollable, events)
    return dict(waiting.poll(timeout_ms))
