"""Packages: what the catalogue offers, what is installed of it, and how one becomes the other."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bitrun.config.catalogue import Catalogue, Package
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import AlreadyInstalled, PackageNotFound, PackageNotInstalled
from bitrun.packages.builds import Build, Builds, Report
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.semver import newest_match


@dataclass(frozen=True, slots=True)
class PackageState:
    """A package and its version: the one its image told, or the catalogue's while it has none."""

    package: Package
    version: str
    installed: bool


class Packages:
    def __init__(
        self, catalogue: Catalogue, images: SealedImages, installed: InstalledPackages
    ) -> None:
        self._catalogue = catalogue
        self._images = images
        self._installed = installed
        self._builds = Builds()

    def all(self) -> list[PackageState]:
        """List the catalogue's packages, in its order."""
        installed = self._installed()
        return [
            PackageState(package, installed[package.id].version, installed=True)
            if package.id in installed
            else PackageState(package, package.version, installed=False)
            for package in self._catalogue.packages
        ]

    def begin_install(self, name: Any, version: Any) -> tuple[Package, Build]:
        """Install the newest version in a SemVer range, or join the build that already does.

        The build goes on if nobody waits for it. It ends with a BuildError if the package can't be
        made; nothing of it is left then.

        Raises:
            PackageNotFound: the catalogue has none such.
            AlreadyInstalled: it was there before.
        """
        state = _newest(self.all(), name, version)
        if state is None:
            raise PackageNotFound(_sent(name), _sent(version))
        if state.installed:
            raise AlreadyInstalled
        package = state.package

        def work(report: Report) -> None:
            report(f"Installing {package.name} {package.version}")
            self._images.install(package, report)
            self._installed.forget()  # the engine's word of it may still be on its way

        return package, self._builds.join(package.id, work)

    def state(self, package: Package) -> PackageState:
        return next(each for each in self.all() if each.package is package)

    def uninstall(self, name: Any, version: Any) -> PackageState:
        """Remove the newest installed version in a SemVer range. Runs in it end well.

        Raises:
            PackageNotFound: the catalogue has none such.
            PackageNotInstalled: it has, but it is not installed.
        """
        states = self.all()
        state = _newest((each for each in states if each.installed), name, version)
        if state is None:
            if _newest(states, name, version) is None:
                raise PackageNotFound(_sent(name), _sent(version))
            raise PackageNotInstalled(str(name))
        self._images.remove(state.package)
        self._installed.forget()
        return state


def _newest(states: Iterable[PackageState], name: Any, version: Any) -> PackageState | None:
    named = [state for state in states if state.package.name == name]
    if not isinstance(version, str):
        return None
    newest = newest_match((state.version for state in named), version)
    return next((state for state in named if state.version == newest), None)


def _sent(value: Any) -> str:
    """Write what was sent, or not, much as Piston's runtime does."""
    if value is None:
        return "undefined"
    return value if isinstance(value, str) else json.dumps(value)
