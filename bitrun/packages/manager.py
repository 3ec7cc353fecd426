"""Installs and removes the packages of the catalogue."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bitrun.config.catalogue import Catalogue, Package
from bitrun.engine.build_output import Report
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import AlreadyInstalled, PackageNotFound, PackageNotInstalled
from bitrun.model.nearest import suggestion
from bitrun.packages.builds import Build, Builds
from bitrun.packages.cluster import ClusterPackages, ClusterState
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.semver import newest_match

_MAX_SHOWN = 64  # characters of what a request has sent


@dataclass(frozen=True, slots=True)
class PackageState:
    """A package and its version: that of its image if it is installed, else the catalogue's.

    `cluster` is its state in the cluster, if this node belongs to one.
    """

    package: Package
    version: str
    installed: bool
    cluster: ClusterState | None = None


class PackageManager:
    """The packages of one catalogue on one engine, or in its cluster. Threads may share it.

    A package is selected by name and SemVer range. Values of other types select none.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        images: SealedImages,
        installed: InstalledPackages,
        cluster: ClusterPackages | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._images = images
        self._installed = installed
        self._cluster = cluster
        self._builds = Builds() if cluster is None else cluster.builds

    def all(self) -> list[PackageState]:
        """List the catalogue's packages, in its order."""
        installed = self._installed()
        return [
            PackageState(
                package,
                installed[package.id].version if package.id in installed else package.version,
                installed=package.id in installed,
                cluster=None if self._cluster is None else self._cluster.state(package),
            )
            for package in self._catalogue.packages
        ]

    def begin_install(self, name: object, version: object) -> tuple[Package, Build]:
        """Start to install the newest version in a range, or join the build in progress.

        The build continues if nobody waits for it. It ends with a BuildError if it fails; nothing
        of the package is left then.

        Raises:
            PackageNotFound: not in the catalogue.
            AlreadyInstalled: nothing to do.
        """
        state = _newest(self.all(), name, version)
        if state is None:
            raise _not_found(self.all(), str(name), str(version))
        if state.installed and (state.cluster is None or state.cluster.installed):
            raise AlreadyInstalled
        package = state.package

        def work(report: Report) -> None:
            report(f"Installing {package.name} {package.version}")
            if self._cluster is not None:
                self._cluster.install(package, report)
                return
            self._images.install(package, report)
            self._installed.invalidate()  # the engine's event may arrive later

        return package, self._builds.join(package.id, work)

    def state(self, package: Package) -> PackageState:
        return next(each for each in self.all() if each.package is package)

    def uninstall(self, name: object, version: object) -> PackageState:
        """Remove the newest installed version in a range. Runs in progress are not affected.

        Raises:
            PackageNotFound: not in the catalogue.
            PackageNotInstalled: in the catalogue, but not installed.
        """
        states = self.all()
        state = _newest((each for each in states if _is_anywhere(each)), name, version)
        if state is None:
            if _newest(states, name, version) is None:
                raise _not_found(states, str(name), str(version))
            raise PackageNotInstalled(str(name))
        if self._cluster is not None:
            self._cluster.uninstall(state.package)
            return state
        self._images.remove(state.package)
        self._installed.invalidate()
        return state


def _is_anywhere(state: PackageState) -> bool:
    return state.installed or (state.cluster is not None and state.cluster.installed)


def _not_found(states: Iterable[PackageState], name: str, version: str) -> PackageNotFound:
    versions = defaultdict(list)
    for state in states:
        versions[state.package.name].append(state.version)
    shown = name[:_MAX_SHOWN]
    if name in versions:
        there_are = ", ".join(versions[name])
        detail = f"No version of {shown} matches {version[:_MAX_SHOWN]}; there are: {there_are}"
    else:
        detail = f"No package is called {shown}{suggestion(name.lower(), versions)}"
    return PackageNotFound(name, version, detail)


def _newest(states: Iterable[PackageState], name: object, version: object) -> PackageState | None:
    named = [state for state in states if state.package.name == name]
    if not isinstance(version, str):
        return None
    newest = newest_match((state.version for state in named), version)
    return next((state for state in named if state.version == newest), None)
