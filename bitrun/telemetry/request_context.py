"""Context of the request that a thread serves: its id, and the fields of its log line.

A context variable instead of a parameter: log lines come from any depth, and the thread is all that
they have in common.
"""

from contextvars import ContextVar
from typing import Any

from bitrun.telemetry.traces import Span


class _Request:
    def __init__(self, identity: str, span: Span | None) -> None:
        self.identity = identity
        self.span = span
        self.fields: dict[str, Any] = {}


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


def begin(identity: str, span: Span | None = None) -> None:
    """Start the context of a request in this thread; `span` is its span, if it is traced."""
    _current.set(_Request(identity, span))


def end() -> None:
    """Leave the context of the request."""
    _current.set(None)


def request_id() -> str | None:
    """Return the id of the current request; None outside of requests."""
    current = _current.get()
    return None if current is None else current.identity


def span() -> Span | None:
    """Return the span of the current request, if there is one."""
    current = _current.get()
    return None if current is None else current.span


def note(**fields: Any) -> None:
    """Add fields to the log line of the current request; does nothing outside of requests."""
    current = _current.get()
    if current is not None:
        current.fields |= fields


def fields() -> dict[str, Any]:
    """Return the fields that were noted for the current request."""
    current = _current.get()
    return {} if current is None else current.fields
