"""Packages of a cluster: this node has what the list of the operator's registry says."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bitrun.config.catalogue import Catalogue, Package
from bitrun.engine.build_output import Report
from bitrun.images.registry import Entry, ImageRegistry, PackageList, merge
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import PackageArriving, ServiceError
from bitrun.packages.builds import Builds
from bitrun.packages.installed import InstalledPackages

POLL_SECONDS = 15.0

_FIRST_RETRY, _LAST_RETRY = 30.0, 900.0  # seconds after a package could not be had

_log = logging.getLogger(__name__)


class NodeState(StrEnum):
    """What a node has of a package that the list has."""

    INSTALLED = "installed"
    ARRIVING = "arriving"  # being pulled, or about to
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A package in the cluster: whether the list has it, and what this node has of it."""

    installed: bool
    node: NodeState | None


@dataclass(frozen=True, slots=True)
class _Failure:
    """After `attempts`, a package is tried again at `retry_at`, a monotonic time."""

    attempts: int
    retry_at: float


class ClusterPackages:
    """The packages of one node of a cluster. Threads share it.

    A package is never removed because a list lacks it: a registry that has lost its data gets its
    list back from the nodes.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        images: SealedImages,
        registry: ImageRegistry,
        installed: InstalledPackages,
    ) -> None:
        self._catalogue = catalogue
        self._images = images
        self._registry = registry
        self._installed = installed
        self.builds = Builds()
        self._known: PackageList = {}
        self._failures: dict[str, _Failure] = {}
        self._pulls: Counter[str] = Counter({"ok": 0, "failed": 0})
        self._lock = threading.RLock()  # of the registry, and of what is known
        self._count_lock = threading.Lock()  # of the pulls: a scrape does not wait for the registry
        self.is_up = False
        self.is_settled = False  # whether this node has all packages, or has tried to get them

    def state(self, package: Package) -> ClusterState:
        entry = self._known.get(package.id)
        if entry is None or not entry.installed:
            return ClusterState(installed=False, node=None)
        if self._has(package, entry):
            return ClusterState(installed=True, node=NodeState.INSTALLED)
        failed = package.id in self._failures
        return ClusterState(installed=True, node=NodeState.FAILED if failed else NodeState.ARRIVING)

    def lists(self, package: Package) -> bool:
        """Whether the cluster has a package, whatever this node has of it."""
        entry = self._known.get(package.id)
        return entry is not None and entry.installed

    def sync(self) -> None:
        """Get what the list has and this node lacks, and remove what was removed from the list.

        To be called every POLL_SECONDS.

        Raises:
            ServiceError: the registry or the engine does not answer.
        """
        try:
            listed = self._read()
            entries = [(each, listed[each.id]) for each in self._catalogue.packages
                       if each.id in listed]  # fmt: skip
            # Images of an earlier version of BitRun serve until its own are there, as without a
            # registry: else an update would leave no node that is ready.
            installed = self._installed()
            self.is_settled |= all(
                package.id in installed for package, entry in entries if entry.installed
            )
            for package, entry in entries:
                self._follow(package, entry)
        finally:
            self.is_settled = True

    def read_list(self) -> int:
        """Return how many packages the list has, without following it.

        Raises:
            ServiceError: the registry or the engine does not answer.
        """
        return sum(entry.installed for entry in self._registry.read().values())

    def install(self, package: Package, report: Report) -> None:
        """Install a package on all nodes: here at once, on the others when they see the list.

        Raises:
            ServiceError: it can't be built, or the registry does not take it.
        """
        entry = self._read().get(package.id)
        source = entry.builds.get(self._registry.kind) if entry and entry.installed else None
        wanted = self._images.wanted_source(package)
        if source is not None and wanted in (None, source):
            self._pull(package, source, report)
        else:
            self._build(package, report)

    def uninstall(self, package: Package) -> None:
        """Remove a package from the list, and so from all nodes; here at once.

        Raises:
            ServiceError: the registry or the engine does not answer. Nothing was removed then.
        """
        self._change(package, installed=False, builds={})
        self._remove(package)

    def wait_for(self, package: Package, seconds: float) -> None:
        """Wait until a listed package is here.

        Raises:
            PackageArriving: it is not in time, or could not be had a moment ago.
        """
        failure = self._failures.get(package.id)
        if failure is not None and time.monotonic() < failure.retry_at:
            raise PackageArriving(package.id, has_failed=True)
        build = self.builds.join(package.id, lambda report: self._get(package, report))
        try:
            if not build.wait(seconds):
                raise PackageArriving(package.id)
        except ServiceError as error:
            raise PackageArriving(package.id, has_failed=True) from error

    @property
    def pulls(self) -> Mapping[str, int]:
        """Pulled packages, and attempts that failed."""
        with self._count_lock:
            return dict(self._pulls)

    @property
    def listed(self) -> int:
        """How many packages the list has."""
        return sum(entry.installed for entry in self._known.values())

    def _read(self) -> PackageList:
        """Return the newest of what the list has and this node knows, and let the list have it."""
        with self._lock:
            try:
                listed = self._registry.read()
                self._known = merge(self._known, listed)
                if self._known != listed:
                    self._registry.write(self._known)
            except ServiceError:
                self.is_up = False
                raise
            self.is_up = True
            return self._known

    def _change(self, package: Package, *, installed: bool, builds: Mapping[str, str]) -> None:
        with self._lock:
            known = self._read()
            old = known.get(package.id, Entry(0, installed=False))
            if installed and old.installed:
                builds = {**old.builds, **builds}
            changed = {**known, package.id: Entry(old.revision + 1, installed, builds)}
            self._registry.write(changed)
            self._known = changed

    def _has(self, package: Package, entry: Entry) -> bool:
        found = self._installed().get(package.id)
        if found is None:
            return False
        source = entry.builds.get(self._registry.kind)
        return found.seal == self._images.seal if source is None else found.source == source

    def _follow(self, package: Package, entry: Entry) -> None:
        if not entry.installed:
            if package.id in self._installed():
                self._remove(package)
            return
        failure = self._failures.get(package.id)
        if self._has(package, entry) or (failure and time.monotonic() < failure.retry_at):
            return
        try:
            self.builds.join(package.id, lambda report: self._get(package, report)).wait()
        except ServiceError as error:
            _log.warning("The package %s of the registry can't be had: %s", package.id, error)

    def _get(self, package: Package, report: Report) -> None:
        """Pull a listed package; build it if nobody has, for nodes of this kind."""
        entry = self._known.get(package.id)
        if entry is None or not entry.installed or self._has(package, entry):
            return
        try:
            source = entry.builds.get(self._registry.kind)
            if source is None:
                self._build(package, report)
            else:
                self._pull(package, source, report)
        except ServiceError:
            attempts = self._failures[package.id].attempts if package.id in self._failures else 0
            wait = min(_FIRST_RETRY * 2**attempts, _LAST_RETRY)
            self._failures[package.id] = _Failure(attempts + 1, time.monotonic() + wait)
            raise
        self._failures.pop(package.id, None)

    def _pull(self, package: Package, source: str, report: Report) -> None:
        try:
            self._registry.pull(package, source, report)
        except ServiceError:
            self._count("failed")
            raise
        self._count("ok")
        self._installed.invalidate()  # the engine's event may arrive later

    def _build(self, package: Package, report: Report) -> None:
        self._images.install(package, report)
        self._installed.invalidate()
        found = self._installed()[package.id]
        self._registry.push(package, found, report)
        self._change(package, installed=True, builds={self._registry.kind: found.source})

    def _remove(self, package: Package) -> None:
        self._images.remove(package)
        self._installed.invalidate()

    def _count(self, result: str) -> None:
        with self._count_lock:
            self._pulls[result] += 1
