"""Builds packages through the engine, for `bitrun install`; needs the server's libraries."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from bitrun.cli.progress import progress
from bitrun.config import catalogue, settings
from bitrun.config.catalogue import Catalogue, CatalogueError, Package
from bitrun.config.settings import SettingsError
from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents
from bitrun.images.registry import ImageRegistry
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import BuildError, EngineError, ServiceError
from bitrun.model.nearest import choices, suggestion
from bitrun.packages.builds import parse_step
from bitrun.packages.cluster import ClusterPackages
from bitrun.packages.installed import InstalledPackages


class UnknownPackage(Exception):
    """The catalogue has no package of this name; the text lists the known ones."""


ERRORS = (SettingsError, CatalogueError, UnknownPackage, ServiceError)


def install(names: Sequence[str], console: Console) -> None:
    """Install or update packages.

    `names` are ids of the catalogue; if empty, the packages and images of the settings are taken.

    Raises:
        ERRORS: the settings, the catalogue or a name is invalid, or a build failed.
    """
    known = settings.load()
    described = catalogue.load(known.languages)
    packages = select(described, names or known.packages)
    engine = Engine(known.engine_timeout)
    images = SealedImages(engine, known.images, known.build_ca_bundle, shares=bool(known.registry))
    install_one = images.install
    if known.registry:
        install_one = ClusterPackages(
            described,
            images,
            ImageRegistry(engine, images, known.registry),
            InstalledPackages(images, EngineEvents(engine)),
        ).install
    for package in packages:
        with build_progress(console, package.id) as report, _named(f"Package {package.id}"):
            install_one(package, report)
    for reference in () if names else known.allowed_images:
        with build_progress(console, reference) as report, _named(f"Image {reference}"):
            images.seal_allowed(reference, report)
    if known.egress and not names:
        with build_progress(console, "egress") as report, _named("The egress proxy"):
            images.install_egress(report)
    installed = sorted(images.installed().items())
    console.print("Installed: " + ", ".join(f"{name} {it.version}" for name, it in installed))


def select(known: Catalogue, names: Sequence[str]) -> list[Package]:
    """Find the packages with these ids.

    Raises:
        UnknownPackage: the catalogue lacks one of them.
    """
    found = []
    for name in names:
        package = known.package(name)
        if package is None:
            ids = [each.id for each in known.packages]
            raise UnknownPackage(
                f"There is no package {name}{suggestion(name, ids) or choices(ids)}"
            )
        found.append(package)
    return found


@contextmanager
def build_progress(console: Console, subject: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes the lines of the engine's build of an image."""
    with progress(console, subject) as report:
        yield lambda line: report(line, parse_step(line))


@contextmanager
def _named(subject: str) -> Iterator[None]:
    try:
        yield
    except (BuildError, EngineError) as error:
        raise BuildError(f"{subject} can't be installed:\n{error}") from error
