"""What Prometheus is told, all of it: `docs/operating.md` has the table.

What happens is counted as it happens, by the methods here; what there is at a moment is asked of
those who know it when someone scrapes. A label takes values only from what is installed, from the
routes or from a fixed list, never from a request: each value costs memory for good.
"""

import platform
from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bitrun import __version__
from bitrun.model.run_record import RunRecord

# Seconds: from a box that waited to the longest time that a run may have been given.
_PHASE_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"))

# A second series for each counter that says when it was first counted: nobody asks for it.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge(
            "bitrun_build_info", "Always 1; its labels tell what runs", ["version", "python"],
            registry=registry,
        ).labels(__version__, platform.python_version()).set(1)  # fmt: skip
        self._runs = Counter(
            "bitrun_runs", "Runs that are over", ["language", "version", "verdict"],
            registry=registry,
        )  # fmt: skip
        self._phases = Histogram(
            "bitrun_phase_seconds", "What a run spent in each phase", ["phase"],
            buckets=_PHASE_BUCKETS, registry=registry,
        )  # fmt: skip
        self._requests = Counter(
            "bitrun_http_requests", "Answered requests", ["method", "route", "status"],
            registry=registry,
        )  # fmt: skip
        self._request_seconds = Histogram(
            "bitrun_http_request_seconds", "From a request's head to the end of its answer",
            ["route"], buckets=_PHASE_BUCKETS, registry=registry,
        )  # fmt: skip
        self.sessions = Gauge(
            "bitrun_sessions_open", "WebSocket sessions at this moment", registry=registry
        )
        self.sessions_refused = Counter(
            "bitrun_sessions_refused", "Sessions closed with 1013, as all places were taken",
            registry=registry,
        )  # fmt: skip

    def ran(self, account: RunRecord) -> None:
        """Count a run that is over."""
        job = account.job
        self._runs.labels(job.language, job.version, account.verdict).inc()
        for phase, seconds in account.phases().items():
            self._phases.labels(phase).observe(seconds)

    def gone(self, seconds: float) -> None:
        """Count a box that the engine has removed, so long after it was left."""
        self._phases.labels("discard").observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the pattern that it fitted, not its path."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def ask(self, figures: Callable[[], Iterable[Metric]]) -> None:
        """Have `figures` asked at every scrape."""
        self._registry.register(_Asked(figures))

    def scrape(self, accept: str) -> tuple[bytes, str]:
        """Write everything down in the format that an `Accept` header asks for, and name it."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Asked(Collector):
    def __init__(self, figures: Callable[[], Iterable[Metric]]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from self._figures()

    def describe(self) -> Iterator[Metric]:
        yield from ()  # else the registry would ask for all of it to learn the names
