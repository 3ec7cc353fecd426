"""Demand for box specs: a count of requests that decays with time."""

import time
from collections import defaultdict
from collections.abc import Collection
from typing import Generic

from bitrun.sandbox.pool.allocation import Spec

_HALF_LIFE_SECONDS = 600.0
_PRIOR = 1.0  # the demand of all specs together before any request
_DECAY_INTERVAL_SECONDS = 1.0


class Demand(Generic[Spec]):
    """Counts requests; each counts half after ten minutes. Not thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[Spec, float] = defaultdict(float)
        self._decayed_at = time.monotonic()

    def count(self, spec: Spec) -> None:
        """Count a request."""
        self._counts[spec] += 1

    def retain(self, specs: Collection[Spec]) -> None:
        """Forget all other specs."""
        for spec in [each for each in self._counts if each not in specs]:
            del self._counts[spec]

    def weights(self, specs: Collection[Spec]) -> dict[Spec, float]:
        """Return the demand for each of the specs; more than 0 for all of them."""
        self._decay()
        prior = _PRIOR / max(1, len(specs))
        return {spec: self._counts.get(spec, 0.0) + prior for spec in specs}

    def _decay(self) -> None:
        now = time.monotonic()
        elapsed = now - self._decayed_at
        if elapsed > _DECAY_INTERVAL_SECONDS:
            self._decayed_at = now
            factor = 0.5 ** (elapsed / _HALF_LIFE_SECONDS)
            for spec in self._counts:
                self._counts[spec] *= factor
