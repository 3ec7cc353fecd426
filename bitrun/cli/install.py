"""Brings the images of packages up to date: `python -m bitrun.cli.install [PACKAGE...]`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from bitrun.cli.progress import progress
from bitrun.config import catalogue, settings
from bitrun.config.catalogue import Catalogue, CatalogueError, Package
from bitrun.config.settings import SettingsError
from bitrun.engine.engine import Engine
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import BuildError, EngineError, ServiceError


class UnknownPackage(Exception):
    """The catalogue has no package of this name; the text lists those it has."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bitrun.cli.install", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE")
    names = parser.parse_args(arguments).packages
    try:
        install(names, Console(highlight=False, soft_wrap=True))
    except (SettingsError, CatalogueError, UnknownPackage, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def install(names: Sequence[str], console: Console) -> None:
    """Install the packages named, or if none is, all that the settings name."""
    wanted = settings.load()
    packages = select(catalogue.load(wanted.languages), names or wanted.packages)
    images = SealedImages(Engine(wanted.engine_timeout), wanted.images, wanted.build_ca_bundle)
    for package in packages:
        with progress(console, package.id) as report, _naming(f"Package {package.id}"):
            images.install(package, report)
    for reference in () if names else wanted.allowed_images:
        with progress(console, reference) as report, _naming(f"Image {reference}"):
            images.seal_allowed(reference, report)
    installed = sorted(images.installed().items())
    console.print("Installed: " + ", ".join(f"{name} {it.version}" for name, it in installed))


def select(known: Catalogue, names: Sequence[str]) -> list[Package]:
    """Find the packages of these ids.

    Raises:
        UnknownPackage: there is none of one of them.
    """
    packages = {package.id: package for package in known.packages}
    for name in names:
        if name not in packages:
            raise UnknownPackage(
                f"There is no package {name}; there are: {', '.join(sorted(packages))}"
            )
    return [packages[name] for name in names]


@contextmanager
def _naming(subject: str) -> Iterator[None]:
    try:
        yield
    except (BuildError, EngineError) as fault:
        raise BuildError(f"{subject} can't be installed:\n{fault}") from fault


if __name__ == "__main__":
    sys.exit(main())
