"""Clients that run one attempt after the other, drawn at random by weight."""

import itertools
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping

from tools.soak.results import Attempt, Results


class Load:
    """Runs attempts with a number of clients. `weights` has the weight of each group."""

    def __init__(
        self,
        attempts: Iterable[Attempt],
        weights: Mapping[str, int],
        clients: int,
        results: Results,
    ) -> None:
        self._decks = dict(_decks(attempts))
        self._weights = [weights[group] for group in self._decks]
        self._clients = clients
        self._results = results
        self._lock = threading.Lock()

    def run(self, deadline: float, stop: threading.Event) -> None:
        """Keep the clients busy until the monotonic clock passes `deadline`, or until `stop`."""

        def client() -> None:
            while time.monotonic() < deadline and not stop.is_set():
                self._results.run(self._draw())

        threads = [threading.Thread(target=client) for _ in range(self._clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _draw(self) -> Attempt:
        with self._lock:
            (group,) = random.choices(list(self._decks), self._weights)  # noqa: S311
            return next(self._decks[group])


def _decks(attempts: Iterable[Attempt]) -> Iterator[tuple[str, Iterator[Attempt]]]:
    """Shuffle the attempts of each group into an endless round."""
    by_group: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_group.setdefault(attempt.group, []).append(attempt)
    for group, cards in by_group.items():
        random.shuffle(cards)
        yield group, itertools.cycle(cards)
