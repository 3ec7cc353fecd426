"""Metrics of all workers of a service, whichever of them answers a scrape.

Each publishes its own as text, in a file in memory that all have inherited: a killed worker leaves
neither a socket nor a name behind, and a scrape waits for none of them. The samples get a label
`worker`: as a sum, a counter would fall with every worker that is replaced.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

# They are the same in all workers, and a sum of them would be wrong.
_COMMON = frozenset(("bitrun_build_info", "bitrun_places", "bitrun_packages_installed"))


class WorkerMetrics:
    """The published metrics of `workers` processes; `own` is the number of this one, from 0."""

    def __init__(self, workers: int) -> None:
        self.own = 0
        self._files = [os.memfd_create(f"bitrun-metrics-{number}") for number in range(workers)]
        self._lock = threading.Lock()  # a lock of a file is a process's, not a thread's

    def publish(self, text: bytes) -> None:
        """Replace what this worker has published."""
        if self.own >= len(self._files):  # gunicorn has more after a TTIN
            return
        with self._locked(self.own, fcntl.LOCK_EX) as file:
            os.ftruncate(file, 0)
            os.pwrite(file, text, 0)

    def merged(self, own_text: bytes) -> Iterator[Metric]:
        """Yield the metrics of all workers; `own_text` are those of this one at this moment."""
        families: dict[str, Metric] = {}
        for number in sorted({*range(len(self._files)), self.own}):
            text = own_text if number == self.own else self._read(number)
            for family in text_string_to_metric_families(text.decode()):
                if family.name not in _COMMON:
                    family.samples = [
                        sample._replace(labels={"worker": str(number)} | sample.labels)
                        for sample in family.samples
                    ]
                elif number != self.own:
                    continue
                if family.name in families:
                    families[family.name].samples += family.samples
                else:
                    families[family.name] = family
        yield from families.values()

    def close(self) -> None:
        for file in self._files:
            os.close(file)

    def _read(self, number: int) -> bytes:
        with self._locked(number, fcntl.LOCK_SH) as file:
            return os.pread(file, os.fstat(file).st_size, 0)

    @contextmanager
    def _locked(self, number: int, kind: int) -> Iterator[int]:
        file = self._files[number]
        with self._lock:
            fcntl.lockf(file, kind)
            try:
                yield file
            finally:
                fcntl.lockf(file, fcntl.LOCK_UN)


_current: WorkerMetrics | None = None


def prepare(workers: int) -> None:
    """Make the files of so many workers; to be called before these are forked.

    One worker needs none. Earlier workers keep the files that they have inherited.
    """
    global _current  # noqa: PLW0603  what is inherited by fork is the process's
    if _current is not None:
        _current.close()
    _current = WorkerMetrics(workers) if workers > 1 else None


def current() -> WorkerMetrics | None:
    return _current
