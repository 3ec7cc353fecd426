"""Which request a thread works for: its id, and what is known of it once it is answered.

A context variable and no parameter: a line of the log comes from any depth, and the thread of a
request is the one thing that all of them have in common.
"""

from contextvars import ContextVar
from typing import Any


class _Request:
    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.facts: dict[str, Any] = {}


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


def begin(identity: str) -> None:
    """Say which request this thread works for from now on."""
    _current.set(_Request(identity))


def end() -> None:
    _current.set(None)


def request_id() -> str | None:
    """Return the id of the request that this thread works for; None if it works for none."""
    current = _current.get()
    return None if current is None else current.identity


def note(**facts: Any) -> None:
    """Keep what the line of this request shall tell; where there is no request, nothing."""
    current = _current.get()
    if current is not None:
        current.facts |= facts


def facts() -> dict[str, Any]:
    """Return what was noted of this request."""
    current = _current.get()
    return {} if current is None else current.facts
