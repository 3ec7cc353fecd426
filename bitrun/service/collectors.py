"""Metrics of the state at the moment of a scrape.

Nothing here calls the engine: a scrape must answer when the engine does not.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from bitrun.cluster.nodes import Nodes
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents
from bitrun.execution.admission import Admission
from bitrun.execution.compiling.cache import CompileCache
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.execution.work_queue import WorkQueue
from bitrun.packages.cluster import ClusterPackages
from bitrun.packages.installed import InstalledPackages
from bitrun.sandbox.cleanup.box_registry import BoxRegistry
from bitrun.sandbox.egress.proxy import EgressProxy
from bitrun.sandbox.pool.pool import Pool


def admission_collector(admission: Admission) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        now = admission.stats()
        yield _gauge("bitrun_places", "Runs that are possible at once", now.places)
        yield _gauge("bitrun_places_taken", "Runs at this moment, sessions aside", now.taken)
        yield _gauge("bitrun_queue_length", "Requests that wait for a place", now.waiting)
        yield _counter("bitrun_rejected", "Requests that got no place", "reason", now.rejected)

    return collect


def body_memory_collector(used: Callable[[], int], total: int) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield _gauge("bitrun_body_memory_limit_bytes", "Memory for the bodies of requests", total)
        yield _gauge("bitrun_body_memory_bytes", "Memory that bodies of requests take", used())

    return collect


def compile_cache_collector(cache: CompileCache) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        now = cache.stats()
        results = {"hit": now.hits, "miss": now.misses}
        yield _gauge("bitrun_compile_cache_limit_bytes", "Room for artifacts", now.capacity)
        yield _gauge("bitrun_compile_cache_bytes", "Room that artifacts take", now.bytes)
        yield _gauge("bitrun_compile_cache_entries", "Artifacts", now.entries)
        yield _counter("bitrun_compile_cache_requests", "Compile stages", "result", results)
        yield CounterMetricFamily(
            "bitrun_compile_cache_evictions", "Artifacts that others have replaced", now.evictions
        )

    return collect


def sandbox_collector(sandboxes: Sandboxes) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        now = sandboxes.stats()
        yield _gauge("bitrun_sandbox_places", "Sandboxes that are possible at once", now.places)
        yield _gauge("bitrun_sandboxes", "Sandboxes that exist", now.existing)
        yield _gauge("bitrun_sandbox_memory_bytes", "Memory that they may take", now.memory)
        yield _gauge("bitrun_warm_kernels", "Kernels that are started ahead", now.warm)
        yield _counter("bitrun_sandboxes_ended", "Sandboxes that have ended", "reason", now.ended)

    return collect


def work_collector(work: WorkQueue) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        lengths = work.lengths()
        waiting = {queue: length.waiting for queue, length in lengths.items()}
        taken = {queue: length.taken for queue, length in lengths.items()}
        yield _gauges("bitrun_work_waiting", "Work in the store that waits", "queue", waiting)
        yield _gauges("bitrun_work_taken", "Work in the store that is being done", "queue", taken)

    return collect


def egress_collector(egress: EgressProxy) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield _gauge("bitrun_egress_up", "Whether the egress proxy runs", egress.is_running)
        yield CounterMetricFamily("bitrun_egress_starts", "Starts of the proxy", egress.starts)
        yield _counter(
            "bitrun_egress_requests", "Connections of programs", "result", egress.requests
        )

    return collect


def redis_collector(redis: SharedRedis, nodes: Nodes | None) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield _gauge("bitrun_redis_up", "Whether Redis answered the last time", not redis.is_away)
        if nodes is not None:
            yield _gauge("bitrun_nodes", "Nodes of the cluster that this one knows", nodes.known)
            yield _counter(
                "bitrun_requests_passed_on", "Requests for sandboxes of other nodes", "result",
                nodes.passed_on,
            )  # fmt: skip

    return collect


def registry_collector(cluster: ClusterPackages) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield _gauge(
            "bitrun_registry_up", "Whether the registry answered the last time", cluster.is_up
        )
        yield _gauge("bitrun_packages_listed", "Packages that the cluster has", cluster.listed)
        yield _counter(
            "bitrun_registry_pulls", "Images of packages pulled", "result", cluster.pulls
        )

    return collect


def pool_collector(pool: Pool, installed: InstalledPackages) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        now = pool.stats()
        names = {each.image: package for package, each in (installed.cached or {}).items()}
        idle: Counter[str] = Counter()
        for spec, boxes in now.idle.items():
            idle[names.get(spec.image, "unknown")] += boxes
        states = {
            "idle": idle.total(),
            "creating": now.creating,
            "running": now.running,
            "reusable": now.reusable,
            "used": now.used,
        }
        yield _gauge("bitrun_pool_places", "Idle boxes that the pool keeps", now.places)
        yield _gauges("bitrun_pool_boxes", "Boxes by state", "state", states)
        yield _gauges("bitrun_pool_idle", "Idle boxes", "package", idle)
        yield _gauge("bitrun_pool_pending", "Requests that wait for a box", now.pending)
        yield _counter("bitrun_pool_requests", "Requests for a box", "origin", now.requests)
        yield _counter(
            "bitrun_resets_failed", "Boxes that were not used again", "reason", now.failed_resets
        )

    return collect


def engine_collector(
    engine: Engine, events: EngineEvents, registry: BoxRegistry, installed: InstalledPackages
) -> Callable[[], Iterator[Metric]]:
    def collect() -> Iterator[Metric]:
        yield _gauge("bitrun_engine_up", "Whether the engine's events arrive", events.connected)
        errors = CounterMetricFamily(
            "bitrun_engine_errors", "Calls that failed", labels=["call", "kind"]
        )
        for labels, count in sorted(engine.error_counts.items()):
            errors.add_metric(labels, count)
        yield errors
        boxes = registry.stats()
        yield CounterMetricFamily("bitrun_boxes_created", "Containers created", boxes.created)
        yield CounterMetricFamily("bitrun_boxes_removed", "Containers removed", boxes.removed)
        yield _gauge("bitrun_boxes", "Containers that exist", boxes.existing)
        if (packages := installed.cached) is not None:
            yield _gauge("bitrun_packages_installed", "Packages that can run", len(packages))

    return collect


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _counter(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
