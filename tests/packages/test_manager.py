"""Which package a name and a range select, and what installing and removing it does."""

from pathlib import Path

import pytest

from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents
from bitrun.images.sealed import InstalledPackage, SealedImages
from bitrun.model.errors import (
    AlreadyInstalled,
    BuildError,
    PackageNotFound,
    PackageNotInstalled,
)
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.manager import PackageManager


class Images(SealedImages):
    """Packages in memory. One without tools can't be built."""

    def __init__(self, *installed: str) -> None:
        super().__init__(Engine(), Path())
        self.present = {each: InstalledPackage(f"sha256:{each}", "1.2.9") for each in installed}

    def installed(self) -> dict[str, InstalledPackage]:
        return dict(self.present)

    def install(self, package: Package, report: Report) -> None:
        if package.version_command == "false":
            raise BuildError("broken")
        report("a line")
        self.present[package.id] = InstalledPackage("sha256:1", package.version)

    def remove(self, package: Package) -> None:
        del self.present[package.id]


def package(name: str, version: str, command: str = "true") -> Package:
    language = Language(name=name, run="true %s")
    return Package(
        name=name,
        version=version,
        version_command=command,
        build=f"{name}-{version}",
        languages=(language,),
    )


ONE, TWO, BROKEN = package("a", "1.2.3"), package("a", "2.0.0"), package("b", "1.0.0", "false")


class Events(EngineEvents):
    @property
    def connected(self) -> bool:
        return False


def manager(images: Images) -> PackageManager:
    catalogue = Catalogue(packages=(ONE, TWO, BROKEN))
    return PackageManager(catalogue, images, InstalledPackages(images, Events(Engine())))


def test_all_states() -> None:
    states = [
        (each.package, each.version, each.installed) for each in manager(Images(ONE.id)).all()
    ]
    # The version of the image counts once it is installed.
    assert states == [(ONE, "1.2.9", True), (TWO, "2.0.0", False), (BROKEN, "1.0.0", False)]


@pytest.mark.parametrize(
    ("name", "version", "selected"),
    [("a", "*", TWO), ("a", "2.x", TWO), ("a", "1.2.3", ONE), ("a", "<2", ONE)],
)
def test_the_newest_in_the_range_is_installed(name: str, version: str, selected: Package) -> None:
    images = Images()
    package, build = manager(images).begin_install(name, version)
    build.wait()
    assert package is selected
    assert list(images.present) == [selected.id]
    assert list(build.follow(1)) == [f"Installing a {selected.version}", "a line"]


@pytest.mark.parametrize(
    ("name", "version"),
    [("nothing", "*"), ("a", "3.x"), ("a", "no range"), ("a", None), ("a", 1), (None, "*")],
)
def test_no_such_package(name: object, version: object) -> None:
    packages = manager(Images(ONE.id))
    with pytest.raises(PackageNotFound):
        packages.begin_install(name, version)
    with pytest.raises(PackageNotFound):
        packages.uninstall(name, version)


def test_what_there_is_instead() -> None:
    packages = manager(Images(ONE.id))
    for name, version, detail in (
        ("a", "3.x", "No version of a matches 3.x; there are: 1.2.9, 2.0.0"),
        ("A", "*", "No package is called A; did you mean a?"),
        ("x" * 100, "*", f"No package is called {'x' * 64}"),
    ):
        with pytest.raises(PackageNotFound) as refused:
            packages.begin_install(name, version)
        assert refused.value.detail == detail


def test_already_installed() -> None:
    with pytest.raises(AlreadyInstalled):
        manager(Images(TWO.id)).begin_install("a", "*")


def test_a_failed_build_raises_in_those_who_wait() -> None:
    _, build = manager(Images()).begin_install("b", "*")
    with pytest.raises(BuildError, match="broken"):
        build.wait()


def test_the_newest_installed_is_removed() -> None:
    images = Images(ONE.id)
    packages = manager(images)
    assert packages.uninstall("a", "*").package is ONE
    assert images.present == {}
    with pytest.raises(PackageNotInstalled):
        packages.uninstall("a", "*")
