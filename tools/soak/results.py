"""Attempts, and the counts of their results."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class AttemptResult(StrEnum):
    """Result of an attempt; only `FAILED` is an error of the service."""

    PASSED = "passed"
    TIMED_OUT = "timed out"
    REJECTED = "rejected"
    FAILED = "failed"


class TimedOut(Exception):
    """A time limit ended a program that would have ended otherwise, but had used the limit up."""


class Rejected(Exception):
    """The service was too busy and answered with the time to retry after."""


class WrongAnswer(Exception):
    """The answer differs from the expected one; the message has both."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request and the check of its answer.

    `run` returns if the answer is right. Otherwise it raises `TimedOut`, `Rejected`, `WrongAnswer`,
    or any exception of the client library.
    """

    group: str
    name: str
    run: Callable[[], None]


class Results:
    """Counts by group and name, and a message for each failure. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, Counter[AttemptResult]]] = {}
        self.failures: list[str] = []

    def run(self, attempt: Attempt) -> None:
        """Run an attempt and count its result."""
        try:
            attempt.run()
        except TimedOut:
            result = AttemptResult.TIMED_OUT
        except Rejected:
            result = AttemptResult.REJECTED
        except WrongAnswer as error:
            result = AttemptResult.FAILED
            self.add_failure(f"{attempt.group}, {attempt.name}: {error}")
        except Exception as error:  # noqa: BLE001  no answer, or an unreadable one
            result = AttemptResult.FAILED
            self.add_failure(f"{attempt.group}, {attempt.name}: unreadable answer: {error!r}")
        else:
            result = AttemptResult.PASSED
        with self._lock:
            by_name = self._counts.setdefault(attempt.group, {})
            by_name.setdefault(attempt.name, Counter())[result] += 1

    def add_failure(self, message: str) -> None:
        with self._lock:
            self.failures.append(message)

    def rows(self, group: str) -> Iterator[tuple[str, Counter[AttemptResult]]]:
        """Return the counts of a group, sorted by name."""
        with self._lock:
            by_name = {name: counts.copy() for name, counts in self._counts.get(group, {}).items()}
        return iter(sorted(by_name.items()))

    @property
    def groups(self) -> list[str]:
        with self._lock:
            return sorted(self._counts)

    @property
    def total(self) -> Counter[AttemptResult]:
        return sum((counts for group in self.groups for _, counts in self.rows(group)), Counter())
