"""What was tried and what came of it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class AttemptResult(StrEnum):
    """What came of an attempt; only the last one is a fault of the service."""

    HELD = "held"
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    LOST = "lost"


class TimedOut(Exception):
    """A program was ended too early by a time limit, but one that it had really used up."""


class Refused(Exception):
    """The service was too busy, and said when to come again."""


class Wrong(Exception):
    """What came is not what had to come; the text says both."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something to try: `act` returns if all is right, and otherwise raises."""

    group: str
    name: str
    act: Callable[[], None]


class Tally:
    """Counts by group and name, and a sentence for each attempt that was lost. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, Counter[AttemptResult]]] = {}
        self.lost: list[str] = []

    def take(self, attempt: Attempt) -> None:
        """Make an attempt and count what comes of it."""
        try:
            attempt.act()
        except TimedOut:
            outcome = AttemptResult.TIMED_OUT
        except Refused:
            outcome = AttemptResult.REFUSED
        except Wrong as wrong:
            outcome = AttemptResult.LOST
            self.lose(f"{attempt.group}, {attempt.name}: {wrong}")
        except Exception as error:  # noqa: BLE001  no answer at all, or one of a kind unheard of
            outcome = AttemptResult.LOST
            self.lose(f"{attempt.group}, {attempt.name}: no answer to be read: {error!r}")
        else:
            outcome = AttemptResult.HELD
        with self._lock:
            named = self._counts.setdefault(attempt.group, {})
            named.setdefault(attempt.name, Counter())[outcome] += 1

    def lose(self, sentence: str) -> None:
        with self._lock:
            self.lost.append(sentence)

    def rows(self, group: str) -> Iterator[tuple[str, Counter[AttemptResult]]]:
        """Give the counts of a group by name."""
        with self._lock:
            named = {name: counts.copy() for name, counts in self._counts.get(group, {}).items()}
        return iter(sorted(named.items()))

    @property
    def groups(self) -> list[str]:
        with self._lock:
            return sorted(self._counts)

    @property
    def total(self) -> Counter[AttemptResult]:
        return sum((counts for group in self.groups for _, counts in self.rows(group)), Counter())
