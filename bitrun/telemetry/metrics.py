"""Prometheus metrics; `docs/operating.md` lists them.

Events are counted by the methods here; the state of a moment comes from collectors when a scrape
asks for it (`bitrun.service.collectors`). Label values come from the installed packages, the routes
or a fixed list, never from a request: each value costs memory for good.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bitrun import __version__
from bitrun.model.run_record import RunRecord
from bitrun.telemetry import worker_metrics

# Seconds: from a box that waited to the longest time that a run may have been given.
_PHASE_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"))

# They would add a second series to each counter, with the time of its first count.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge(
            "bitrun_build_info", "Always 1; the labels are the versions", ["version", "python"],
            registry=registry,
        ).labels(__version__, platform.python_version()).set(1)  # fmt: skip
        self._runs = Counter(
            "bitrun_runs", "Finished runs", ["language", "version", "verdict"],
            registry=registry,
        )  # fmt: skip
        self._phases = Histogram(
            "bitrun_phase_seconds", "Time of a run in each phase", ["phase"],
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
        self.sessions_rejected = Counter(
            "bitrun_sessions_rejected", "Sessions closed with 1013, all places being taken",
            registry=registry,
        )  # fmt: skip

    def record_run(self, record: RunRecord) -> None:
        """Count a finished run and its phases."""
        job = record.job
        self._runs.labels(job.language, job.version, record.outcome).inc()
        for phase, seconds in record.phases().items():
            self._phases.labels(phase).observe(seconds)

    def record_removal(self, seconds: float) -> None:
        """Count a box that the engine has removed `seconds` after it was discarded."""
        self._phases.labels("discard").observe(seconds)

    def record_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the pattern that matched, not the path."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def add_collector(self, collect: Callable[[], Iterable[Metric]]) -> None:
        """Call `collect` at every scrape."""
        self._registry.register(_Collector(collect))

    def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that an `Accept` header prefers, and its media type.

        If the service has several workers, these are the metrics of all of them.
        """
        encode, content_type = choose_encoder(accept)
        registry = self._registry
        if (workers := worker_metrics.current()) is not None:
            registry = CollectorRegistry()
            registry.register(_Collector(partial(workers.merged, self._text())))
        return encode(registry), content_type

    def publish(self) -> None:
        """Let the other workers of the service have the metrics of this one, if there are any."""
        if (workers := worker_metrics.current()) is not None:
            workers.publish(self._text())

    def _text(self) -> bytes:
        return generate_latest(self._registry)


class _Collector(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        yield from self._collect()

    def describe(self) -> Iterator[Metric]:
        yield from ()  # without it the registry would collect everything to learn the names
