"""The operator's registry: images that one node builds and the others pull, and the list of them.

    REGISTRY:packages                    the list, a label of an image without content
    REGISTRY:PACKAGE-ARCH-SEAL-SOURCE    a sealed image, which no other build gets the name of

The engine talks to the registry, which so needs to be known to the engine alone. A registry can't
change a tag under a condition. So of two nodes that change the list at the same time one may
overwrite the other; each entry has a number that grows, and a node that knows a newer one than the
list has writes it again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO

from bitrun.config.catalogue import Package
from bitrun.engine.build_output import Report, ignore
from bitrun.engine.engine import Engine
from bitrun.images.build_context import pack_dockerfile
from bitrun.images.sealed import InstalledPackage, SealedImages
from bitrun.model.errors import BuildError

_LIST_TAG = "packages"
_LIST_LABEL = "bitrun.packages"
_LIST_DOCKERFILE = "FROM scratch\nCOPY Dockerfile /\n"  # an image needs a layer
_SHORT = 12  # characters of a hash in a tag


@dataclass(frozen=True, slots=True)
class Entry:
    """A package in the list. The entry with the highest `revision` counts.

    `builds` are the sources of its images by the kind of node (`ImageRegistry.kind`).
    """

    revision: int
    installed: bool
    builds: Mapping[str, str] = field(default_factory=dict)


PackageList = Mapping[str, Entry]  # by the id of the package


def merge(one: PackageList, other: PackageList) -> dict[str, Entry]:
    """Return the newest entries of both, the same whatever their order."""
    merged = dict(one)
    for package, entry in other.items():
        known = merged.get(package)
        if known is None or _rank(entry) > _rank(known):
            merged[package] = entry
    return merged


def _rank(entry: Entry) -> tuple[int, bool, list[tuple[str, str]]]:
    return entry.revision, entry.installed, sorted(entry.builds.items())


class ImageRegistry:
    """A repository of a registry, as one engine sees it. For one thread at a time."""

    def __init__(self, engine: Engine, images: SealedImages, repository: str) -> None:
        self._engine = engine
        self._images = images
        self._repository = repository
        self._list_name = f"{repository}:{_LIST_TAG}"
        self._digest: str | None = None
        self._list: PackageList = {}

    @cached_property
    def kind(self) -> str:
        """What images and this node must have in common: instructions and supervisor."""
        return f"{self._engine.architecture()}-{self._images.seal[:_SHORT]}"

    def read(self) -> PackageList:
        """Return the list, which is pulled only if it has changed; empty if there is none yet.

        Raises:
            ServiceError: the registry or the engine does not answer, or it is no list.
        """
        digest = self._engine.registry_digest(self._list_name)
        if digest != self._digest:
            self._list = {} if digest is None else self._pull_list()
            self._digest = digest
        return self._list

    def write(self, entries: PackageList) -> None:
        """Replace the list.

        Raises:
            ServiceError: the registry or the engine does not take it.
        """
        content = {
            package: [entry.revision, entry.installed, dict(entry.builds)]
            for package, entry in sorted(entries.items())
        }
        labels = {_LIST_LABEL: json.dumps(content, separators=(",", ":"))}
        context = BytesIO(pack_dockerfile(_LIST_DOCKERFILE))
        self._engine.build_image(context, self._list_name, labels, ignore)
        try:
            self._engine.push_image(self._list_name, ignore)
        finally:
            self._engine.remove_image(self._list_name)

    def push(self, package: Package, installed: InstalledPackage, report: Report) -> None:
        """Send the image of an installed package.

        Raises:
            ServiceError: the registry or the engine does not take it.
        """
        name = self._name(package, installed.source)
        self._engine.tag_image(installed.image, name)
        try:
            self._engine.push_image(name, report)
        finally:
            self._engine.remove_image(name)

    def pull(self, package: Package, source: str, report: Report) -> None:
        """Install the image that was made from this source.

        Raises:
            ServiceError: it can't be pulled, or does not fit.
        """
        self._images.receive(package, self._name(package, source), source, report)

    def _name(self, package: Package, source: str) -> str:
        tag = package.image.rpartition("/")[2]
        return f"{self._repository}:{tag}-{self.kind}-{source[:_SHORT]}"

    def _pull_list(self) -> PackageList:
        self._engine.pull_image(self._list_name, ignore)
        try:
            image = self._engine.find_image(self._list_name)
            text = "" if image is None else image.labels.get(_LIST_LABEL, "")
            return {
                str(package): Entry(int(revision), bool(installed), {**builds})
                for package, (revision, installed, builds) in json.loads(text).items()
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise BuildError(f"{self._list_name} is no list of packages: {error}") from error
        finally:
            self._engine.remove_image(self._list_name)
