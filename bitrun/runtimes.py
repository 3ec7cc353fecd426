"""What can run at this moment: the languages of the packages that are installed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bitrun.catalogue import Catalogue, Language, Package
from bitrun.sandbox.images import Installed
from bitrun.versions import newest_match


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language that can run, the version of it that its image told, and that image's id."""

    package: Package
    language: Language
    version: str
    image: str

    @property
    def implementation(self) -> str | None:
        """The package, where the language's name alone does not tell it."""
        if len(self.package.languages) == 1 and self.package.name == self.language.name:
            return None
        return self.package.name


class Runtimes:
    """The view of catalogue and engine that clients see."""

    def __init__(
        self, catalogue: Catalogue, installed: Callable[[], Mapping[str, Installed]]
    ) -> None:
        self._catalogue = catalogue
        self._installed = installed

    def all(self) -> list[Runtime]:
        """List them in the catalogue's order.

        Raises:
            EngineUnavailable, EngineFault: the engine can't be asked.
        """
        installed = self._installed()
        return [
            Runtime(package, language, installed[package.id].version, installed[package.id].image)
            for package, language in self._catalogue.languages()
            if package.id in installed
        ]

    def find(self, name: str, version: str) -> Runtime | None:
        """Find the newest runtime of a language, by its name or an alias, in a SemVer range."""
        named = [
            runtime
            for runtime in self.all()
            if name == runtime.language.name or name in runtime.language.aliases
        ]
        newest = newest_match((runtime.version for runtime in named), version)
        return next((runtime for runtime in named if runtime.version == newest), None)
