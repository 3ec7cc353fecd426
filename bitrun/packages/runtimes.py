"""Runtimes: the languages of the installed packages."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.images.sealed import InstalledPackage
from bitrun.model.errors import PackageNotInstalled
from bitrun.model.nearest import suggestion
from bitrun.packages.cluster import ClusterPackages
from bitrun.packages.semver import newest_match

ANY_VERSION = "*"

_MAX_SHOWN = 64  # characters of what a request has sent
_MAX_LISTED = 20  # languages


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language that can run, with the version that its image reported, and the image's id."""

    package: Package
    language: Language
    version: str
    image: str

    @property
    def implementation(self) -> str | None:
        """The name of the package, if it differs from the language or has several languages."""
        if len(self.package.languages) == 1 and self.package.name == self.language.name:
            return None
        return self.package.name


class Runtimes:
    """The runtimes of one catalogue on one engine. Threads may share it."""

    def __init__(
        self,
        catalogue: Catalogue,
        installed: Callable[[], Mapping[str, InstalledPackage]],
        cluster: ClusterPackages | None = None,
        timeout: float = 0.0,
    ) -> None:
        """Find what is installed here; wait `timeout` seconds for a package of the `cluster`."""
        self._catalogue = catalogue
        self._installed = installed
        self._cluster = cluster
        self._timeout = timeout
        self._view = _View({}, ())

    def all(self) -> Sequence[Runtime]:
        """List the runtimes in the catalogue's order.

        Raises:
            EngineUnavailable, EngineError: the engine failed.
        """
        return self._current().runtimes

    def find(self, name: str, version: str = ANY_VERSION) -> Runtime | None:
        """Return the newest runtime of a language, by its name or an alias, in a SemVer range.

        Raises:
            PackageArriving: only another node of the cluster has it yet.
        """
        found = self._find_here(name, version)
        if found is None and self._cluster is not None:
            package = self._find_in_cluster(self._cluster, name, version)
            if package is not None:
                self._cluster.wait_for(package, self._timeout)
                found = self._find_here(name, version)
        return found

    def find_first(self, names: Iterable[str]) -> Runtime | None:
        """Return what `find` does for the first of these languages that is installed."""
        found = map(self.find, names)
        return next((runtime for runtime in found if runtime is not None), None)

    def explain_missing(self, name: str, version: str = ANY_VERSION) -> str:
        """Say why `find` has found none, and what there is instead."""
        by_name = self._current().by_name
        shown, wanted = name[:_MAX_SHOWN], version[:_MAX_SHOWN]
        if name in by_name:
            versions = ", ".join(runtime.version for runtime in by_name[name])
            return f"No installed version of {shown} matches {wanted}; installed: {versions}"
        for package, language in self._catalogue.languages():
            if name in (language.name, *language.aliases):
                return f"{PackageNotInstalled(package.id)}"
        similar = suggestion(name.lower(), by_name)
        languages = sorted({runtime.language.name for runtime in self.all()})
        some = ", ".join(languages[:_MAX_LISTED])
        more = f" and {rest} more" if (rest := len(languages) - _MAX_LISTED) > 0 else ""
        return f"No language is called {shown}{similar or f': there are {some}{more}'}"

    def _find_here(self, name: str, version: str) -> Runtime | None:
        named = self._current().by_name.get(name, ())
        newest = newest_match((runtime.version for runtime in named), version)
        return next((runtime for runtime in named if runtime.version == newest), None)

    def _find_in_cluster(self, cluster: ClusterPackages, name: str, version: str) -> Package | None:
        listed = {
            package.version: package
            for package, language in self._catalogue.languages()
            if name in (language.name, *language.aliases) and cluster.lists(package)
        }
        return listed.get(newest_match(listed, version) or "")

    def _current(self) -> "_View":
        installed = self._installed()
        if self._view.installed is not installed:
            self._view = _View(
                installed,
                tuple(
                    Runtime(package, language, found.version, found.image)
                    for package, language in self._catalogue.languages()
                    if (found := installed.get(package.id)) is not None
                ),
            )
        return self._view


class _View:
    """The runtimes of one set of installed packages, indexed by name."""

    def __init__(
        self, installed: Mapping[str, InstalledPackage], runtimes: Sequence[Runtime]
    ) -> None:
        self.installed = installed
        self.runtimes = runtimes
        self.by_name: dict[str, list[Runtime]] = defaultdict(list)
        for runtime in runtimes:
            for name in {runtime.language.name, *runtime.language.aliases}:
                self.by_name[name].append(runtime)
