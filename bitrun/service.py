"""The parts of a running service, put together once."""

from dataclasses import dataclass
from typing import Self

from bitrun import catalogue
from bitrun.catalogue import Catalogue
from bitrun.packages import Packages
from bitrun.runner import Runner
from bitrun.runtimes import Runtimes
from bitrun.sandbox.box import BoxMaker
from bitrun.sandbox.engine import Engine
from bitrun.sandbox.images import Images
from bitrun.sandbox.installed import InstalledPackages
from bitrun.sandbox.watch import Watch
from bitrun.settings import Settings


@dataclass(frozen=True)
class Service:
    settings: Settings
    catalogue: Catalogue
    images: Images
    installed: InstalledPackages
    runtimes: Runtimes
    packages: Packages
    runner: Runner

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Put a service together. The engine is not asked for anything yet.

        Raises:
            CatalogueError: the catalogue can't be used.
        """
        languages = catalogue.load(settings.languages)
        engine = Engine(settings.engine_timeout)
        images = Images(engine, settings.images, settings.build_ca_bundle)
        installed = InstalledPackages(images, Watch(engine))
        return cls(
            settings=settings,
            catalogue=languages,
            images=images,
            installed=installed,
            runtimes=Runtimes(languages, installed),
            packages=Packages(languages, images, installed),
            runner=Runner(BoxMaker(engine, settings)),
        )
