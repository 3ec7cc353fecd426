"""The connection and the error counters that all calls of the engine share."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bitrun.engine.connection import Client
from bitrun.engine.errors import NotOnEngine, translated_errors
from bitrun.model.errors import EngineError, EngineUnavailable


class EngineCalls:
    """Base of the parts of `Engine`."""

    def __init__(self, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connected: Client | None = None
        self._error_counts: Counter[tuple[str, str]] = Counter()
        self._error_counts_lock = threading.Lock()

    @property
    def error_counts(self) -> Mapping[tuple[str, str], int]:
        """Failed calls by method and kind: `unavailable` (no answer) or `refused` (an error)."""
        with self._error_counts_lock:
            return dict(self._error_counts)

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        with self._lock:
            if self._connected is not None:
                self._connected.close()
                self._connected = None

    def _client(self) -> Client:
        with self._lock:
            if self._connected is None:
                self._connected = Client(self._timeout)
            return self._connected

    @contextmanager
    def _call(self, method: str) -> Iterator[None]:
        """Translate and count the errors of a call."""
        try:
            with translated_errors():
                yield
        except NotOnEngine:
            raise  # a regular answer
        except (EngineError, EngineUnavailable) as error:
            kind = "refused" if isinstance(error, EngineError) else "unavailable"
            with self._error_counts_lock:
                self._error_counts[method, kind] += 1
            raise
