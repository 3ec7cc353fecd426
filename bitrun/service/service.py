"""The parts of a running service, put together once."""

import logging
import threading
import time
from collections.abc import Mapping
from subprocess import Popen

from bitrun.engine.engine import Engine
from bitrun.engine.events import CONTAINER_GONE, IMAGE_EVENTS, Watch
from bitrun.execution import planning
from bitrun.execution.admission import Admission
from bitrun.execution.runner import Runner
from bitrun.images.sealed import Images
from bitrun.model.errors import OurFault
from bitrun.model.run_record import Account
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.manager import Packages
from bitrun.packages.runtimes import Runtimes
from bitrun.sandbox.box import BoxMaker
from bitrun.sandbox.cleanup import janitor
from bitrun.sandbox.cleanup.orphans import Leftovers
from bitrun.sandbox.pool.idle_boxes import Kind
from bitrun.sandbox.pool.pool import Pool
from bitrun.server import process_memory
from bitrun.service import collectors
from bitrun.service.configuration import Configuration
from bitrun.service.readiness import NO_RUNTIME, Readiness, State
from bitrun.telemetry import request_context
from bitrun.telemetry.metrics import Metrics

HOUSEKEEPING_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Service:
    """Everything a process needs to answer requests. Threads share it.

    Putting it together asks the engine for nothing, so that a service can start before it.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.settings = settings = configuration.settings
        self.catalogue = configuration.catalogue
        self._engine = engine = Engine(settings.engine_timeout)
        watch = Watch(engine)
        self.images = Images(engine, settings.images, settings.build_ca_bundle)
        self.installed = InstalledPackages(self.images, watch)
        self.runtimes = Runtimes(self.catalogue, self.installed)
        self.packages = Packages(self.catalogue, self.images, self.installed)
        self.readiness = Readiness(self._look)
        self.metrics = Metrics()
        self._boxes = BoxMaker(engine, settings, self.metrics.gone)
        self._boxes.churn.follow(watch, engine)
        self._pool = Pool(self._boxes, settings.pool_places, self._offered)
        watch.listen(lambda action, _: self._pool.look_again() if action in IMAGE_EVENTS else None)
        watch.listen(lambda action, _: self.images.tidy() if action == CONTAINER_GONE else None)
        admission = Admission(settings.max_runs, settings.max_queue, settings.queue_timeout)
        self.runner = Runner(self._pool, admission, self._told)
        self.metrics.ask(collectors.admission_figures(admission))
        self.metrics.ask(collectors.pool_figures(self._pool, self.installed))
        self.metrics.ask(
            collectors.engine_figures(engine, watch, self._boxes.churn, self.installed)
        )
        self._janitor: Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to hold boxes ready, and have what a sudden end would leave removed."""
        self._janitor = janitor.hire(self._boxes.instance)
        threading.Thread(target=self._keep_house, name="housekeeping", daemon=True).start()
        self._pool.start()

    def close(self) -> None:
        """Leave nothing behind. To be called when no request is under way any more."""
        self._pool.close()
        self._engine.close()
        if self._janitor is not None and self._janitor.stdin is not None:
            self._janitor.stdin.close()

    def _keep_house(self) -> None:
        """Now and then remove what a former life or an engine in trouble left; give memory back.

        An engine that answers too late carries out what nobody waits for any more.
        """
        leftovers = Leftovers(self._engine)
        while True:
            try:
                leftovers.remove()
            except OurFault as fault:
                _log.debug("Nothing can be removed: %s", fault)
            process_memory.give_back()
            time.sleep(HOUSEKEEPING_SECONDS)

    def _told(self, account: Account) -> None:
        """Hand on what a run was and came to."""
        self.metrics.ran(account)
        request_context.note(**account.facts())

    def _look(self) -> State:
        """Ask the engine what can run: a word of its own, not what was heard of it before."""
        self._engine.ping()
        installed = self.installed()
        runtimes = len(self.runtimes.all())
        return State(
            missing=() if runtimes else (NO_RUNTIME,),
            runtimes=runtimes,
            not_installed=tuple(each for each in self.settings.packages if each not in installed),
        )

    def _offered(self) -> Mapping[Kind, int]:
        """Tell the kinds of boxes that requests can ask for, and how many of each are pinned."""
        kinds: dict[Kind, int] = {}
        for runtime in self.runtimes.all():
            limits = planning.box_limits(runtime.language, self.settings)
            kinds[Kind(runtime.image, limits)] = self.settings.pool_pinned.get(
                runtime.package.id, 0
            )
        return kinds
