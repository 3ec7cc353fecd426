"""Packages: what the catalogue offers, what is installed of it, and how one becomes the other."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bitrun.catalogue import Catalogue, Package
from bitrun.faults import AlreadyInstalled, NotInstalled, PackageUnknown
from bitrun.sandbox.images import Images
from bitrun.sandbox.installed import InstalledPackages
from bitrun.versions import newest_match

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PackageState:
    """A package and its version: the one its image told, or the catalogue's while it has none."""

    package: Package
    version: str
    installed: bool


class Packages:
    def __init__(self, catalogue: Catalogue, images: Images, installed: InstalledPackages) -> None:
        self._catalogue = catalogue
        self._images = images
        self._installed = installed

    def all(self) -> list[PackageState]:
        """List the catalogue's packages, in its order."""
        installed = self._installed()
        return [
            PackageState(package, installed[package.id].version, installed=True)
            if package.id in installed
            else PackageState(package, package.version, installed=False)
            for package in self._catalogue.packages
        ]

    def install(self, name: Any, version: Any) -> PackageState:
        """Install the newest version in a SemVer range. Whoever asks meanwhile waits for the same.

        Raises:
            PackageUnknown: the catalogue has none such.
            AlreadyInstalled: it was there before.
            BuildFault: it can't be made; nothing of it is left.
        """
        state = _newest(self.all(), name, version)
        if state is None:
            raise PackageUnknown(_sent(name), _sent(version))
        if state.installed:
            raise AlreadyInstalled
        package = state.package
        self._images.install(package, lambda line: _log.debug("%s: %s", package.id, line))
        self._installed.forget()  # the engine's word of it may still be on its way
        return next(each for each in self.all() if each.package is package)

    def uninstall(self, name: Any, version: Any) -> PackageState:
        """Remove the newest installed version in a SemVer range. Runs in it end well.

        Raises:
            PackageUnknown: the catalogue has none such.
            NotInstalled: it has, but it is not installed.
        """
        states = self.all()
        state = _newest((each for each in states if each.installed), name, version)
        if state is None:
            if _newest(states, name, version) is None:
                raise PackageUnknown(_sent(name), _sent(version))
            raise NotInstalled(_sent(name), _sent(version))
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
