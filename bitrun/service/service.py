"""Creates the parts of a running service and connects them."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from subprocess import Popen

from bitrun.access.at_once import ClientLimit, ConcurrencyLimit, limits_at_once
from bitrun.access.leases import LeasedLimit
from bitrun.access.rate_limits import RateLimits
from bitrun.callbacks.callbacks import Callbacks
from bitrun.cluster.nodes import Nodes
from bitrun.cluster.shared_redis import RENEWAL_SECONDS, SharedRedis
from bitrun.engine.engine import Engine
from bitrun.engine.events import CONTAINER_REMOVED, IMAGE_EVENTS, EngineEvents
from bitrun.execution.admission import Admission
from bitrun.execution.compiling.cache import CompileCache
from bitrun.execution.judging.batch import Judge
from bitrun.execution.limits import language_limits
from bitrun.execution.runner import Runner
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.execution.uploads import Uploads
from bitrun.execution.work_queue import WorkQueue
from bitrun.images.registry import ImageRegistry
from bitrun.images.sealed import SealedImages
from bitrun.model.run_record import RunRecord
from bitrun.packages.cluster import POLL_SECONDS, ClusterPackages
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.manager import PackageManager
from bitrun.packages.runtimes import Runtimes
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.box_spec import BoxSpec
from bitrun.sandbox.cleanup import janitor
from bitrun.sandbox.cleanup.orphans import OrphanRemover
from bitrun.sandbox.pool.pool import Pool
from bitrun.service import collectors, housekeeping
from bitrun.service.configuration import Configuration
from bitrun.service.readiness import ARRIVING, NO_RUNTIME, Readiness, State
from bitrun.store.opening import open_store
from bitrun.telemetry import request_context
from bitrun.telemetry.metrics import Metrics
from bitrun.telemetry.traces import Traces

_PUBLISH_SECONDS = 2.0  # between two times that other workers get the metrics of this one


class Service:
    """Everything that a process needs to answer requests; threads share it.

    The constructor does not call the engine, so that a service can start before its engine.
    `engine` replaces the engine that the environment names.
    """

    def __init__(self, configuration: Configuration, engine: Engine | None = None) -> None:
        self.configuration = configuration
        self.settings = settings = configuration.settings.share()
        self.limits = limits = limits_at_once(settings)
        self.redis = SharedRedis(settings.redis, settings.redis_away) if settings.redis else None
        self._leases: list[LeasedLimit] = []
        runs = self._for_all_nodes("runs", settings.max_runs_per_client, limits.clients)
        self.rate_limits = RateLimits(settings, runs, self.redis)
        self.nodes = (
            Nodes(self.redis, settings.node_url, settings.port)
            if self.redis is not None and settings.node_url
            else None
        )
        self.catalogue = configuration.catalogue
        self._engine = engine = engine or Engine(settings.engine_timeout)
        events = EngineEvents(engine)
        self.images = SealedImages(
            engine, settings.images, settings.build_ca_bundle, shares=bool(settings.registry)
        )
        self.installed = InstalledPackages(self.images, events)
        self.cluster = cluster = (
            ClusterPackages(
                self.catalogue,
                self.images,
                ImageRegistry(engine, self.images, settings.registry),
                self.installed,
            )
            if settings.registry
            else None
        )
        self.runtimes = Runtimes(
            self.catalogue, self.installed, cluster, timeout=settings.queue_timeout
        )
        self.packages = PackageManager(self.catalogue, self.images, self.installed, cluster)
        self.readiness = Readiness(self._check_readiness)
        self.metrics = Metrics()
        self.traces = Traces(settings.traces) if settings.traces else None
        self._boxes = BoxMaker(engine, settings, self.metrics.record_removal)
        self._boxes.registry.follow(events, engine)
        self.egress = self._boxes.egress
        self._pool = Pool(
            self._boxes,
            settings.pool_places,
            self._pinned_boxes,
            used_memory=settings.used_memory,
            runs_per_box=settings.runs_per_box,
        )
        events.subscribe(self._on_event)
        admission = Admission(
            settings.max_runs,
            settings.max_queue,
            settings.queue_timeout,
            places=limits.runs,
            room=limits.queue,
        )
        self._compile_cache = CompileCache(settings.compile_cache)
        self.runner = Runner(self._pool, admission, self._on_run_finished, self._compile_cache)
        self.sandboxes = Sandboxes(
            self._pool,
            settings,
            self._on_run_finished,
            self.nodes.own if self.nodes else "",
            self._for_all_nodes(
                "sandboxes",
                settings.max_sandboxes_per_client,
                ConcurrencyLimit(settings.max_sandboxes_per_client),
            ),
        )
        self.uploads = Uploads(settings)
        self.judge = Judge(self.runner, settings.batch_places)
        self.store = open_store(settings)
        self.work = WorkQueue(self.store)
        self.callbacks = Callbacks(settings)
        self._workdirs: dict[str, Collection[str]] = {}
        self._add_collectors(admission, events)
        self._janitor: Popen[bytes] | None = None

    def use_workdir(self, path: str, languages: Collection[str]) -> None:
        """Have the pool keep boxes with this work directory, too, for languages of these names."""
        self._workdirs[path] = languages

    def start(self, *chores: Callable[[], None]) -> None:
        """Start the pool, the janitor and the housekeeping, which repeats `chores`, too."""
        self._janitor = janitor.start(self._boxes.instance)
        housekeeping.start(
            OrphanRemover(self._engine).remove,
            self.uploads.remove_expired,
            self.store.remove_expired,
            self.sandboxes.end_expired,
            *chores,
        )
        if self.settings.workers > 1:
            housekeeping.start(self.metrics.publish, interval=_PUBLISH_SECONDS)
        self.egress.start()
        if self.cluster is not None:
            housekeeping.start(self.cluster.sync, interval=POLL_SECONDS)
        if self.redis is not None:
            renewals = [leases.renew for leases in self._leases]
            renewals += [self.nodes.register] if self.nodes else []
            housekeeping.start(*renewals, interval=RENEWAL_SECONDS)
        self._pool.start()
        self.work.start()
        self.sandboxes.start(self.runtimes.all)

    def begin_stop(self) -> None:
        """End what could last longer than the grace of a stop. It may be called again."""
        self.sandboxes.begin_stop()

    def close(self) -> None:
        """Release everything. To be called once no request is running."""
        self.work.close()
        if self.traces is not None:
            self.traces.close()
        if self.nodes is not None:
            self.nodes.leave()
        self.sandboxes.close()
        self._pool.close()
        self.egress.close()
        self._compile_cache.close()
        self._engine.close()
        if self.redis is not None:
            self.redis.close()
        if self._janitor is not None and self._janitor.stdin is not None:
            self._janitor.stdin.close()

    def _add_collectors(self, admission: Admission, events: EngineEvents) -> None:
        found = [
            collectors.admission_collector(admission),
            collectors.compile_cache_collector(self._compile_cache),
            collectors.sandbox_collector(self.sandboxes),
            collectors.work_collector(self.work),
            collectors.pool_collector(self._pool, self.installed),
            collectors.engine_collector(self._engine, events, self._boxes.registry, self.installed),
            collectors.egress_collector(self.egress),
        ]
        if self.cluster is not None:
            found.append(collectors.registry_collector(self.cluster))
        if self.redis is not None:
            found.append(collectors.redis_collector(self.redis, self.nodes))
        for collect in found:
            self.metrics.add_collector(collect)

    def _for_all_nodes(self, kind: str, limit: int, local: ClientLimit) -> ClientLimit:
        """Return a limit that all nodes count together; without a Redis server `local`."""
        if self.redis is None:
            return local
        self._leases.append(LeasedLimit(self.redis, limit, local, kind))
        return self._leases[-1]

    def _on_event(self, action: str, _: str) -> None:
        if action in IMAGE_EVENTS:
            self.images.note_change()
            self._pool.refresh()
        elif action == CONTAINER_REMOVED:
            self.images.remove_unused()

    def _on_run_finished(self, record: RunRecord) -> None:
        self.metrics.record_run(record)
        if self.traces is not None and (span := request_context.span()) is not None:
            self.traces.record_run(record, span)
        request_context.note(**record.fields())

    def _check_readiness(self) -> State:
        self._engine.ping()  # the list of packages may come from memory
        installed = self.installed()
        runtimes = len(self.runtimes.all())
        missing = () if runtimes else (NO_RUNTIME,)
        if self.cluster is not None and not self.cluster.is_settled:
            missing = (ARRIVING,)
        return State(
            missing=missing,
            runtimes=runtimes,
            not_installed=tuple(each for each in self.settings.packages if each not in installed),
        )

    def _pinned_boxes(self) -> Mapping[BoxSpec, int]:
        """Return the specs that requests can ask for, with the number of pinned boxes of each."""
        pinned: dict[BoxSpec, int] = {}
        for runtime in self.runtimes.all():
            limits = language_limits(runtime.language, self.settings).box
            spec = BoxSpec(runtime.image, limits)
            pinned[spec] = self.settings.pool_pinned.get(runtime.package.id, 0)
            for path, languages in self._workdirs.items():
                if runtime.language.name in languages:
                    other = dataclasses.replace(limits, workdir=path)
                    pinned[BoxSpec(runtime.image, other)] = 0
        return pinned
