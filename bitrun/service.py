"""The parts of a running service, put together once."""

from dataclasses import dataclass
from typing import Self

from bitrun import catalogue
from bitrun.catalogue import Catalogue
from bitrun.runner import Runner
from bitrun.sandbox.box import BoxMaker
from bitrun.sandbox.engine import Engine
from bitrun.sandbox.images import Images
from bitrun.settings import Settings


@dataclass(frozen=True)
class Service:
    settings: Settings
    catalogue: Catalogue
    images: Images
    runner: Runner

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Put a service together. The engine is not asked for anything yet.

        Raises:
            CatalogueError: the catalogue can't be used.
        """
        languages = catalogue.load(settings.languages)
        engine = Engine(settings.engine_timeout)
        return cls(
            settings=settings,
            catalogue=languages,
            images=Images(engine, settings.images),
            runner=Runner(BoxMaker(engine, settings)),
        )
