"""Sealed images, which boxes are created from: a language's tools and the supervisor.

The tools come from a folder of `images/` or from an image of the operator's. Sealing adds the
supervisor as the last, thin layer: so any image can be used, and a new supervisor is cheap. The
labels of the engine's images are the only record of what is installed.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bitrun.config.catalogue import EGRESS, EGRESS_IMAGE, IMAGE_PREFIX, Package, argv
from bitrun.engine.build_output import Report, ignore
from bitrun.engine.engine import Engine
from bitrun.engine.images import Image
from bitrun.images.build_context import digest
from bitrun.images.change import SOURCE_LABEL, ImageChange, remove_unused
from bitrun.images.lock import images_lock
from bitrun.images.unsealed import SUPERVISOR, UnsealedImages
from bitrun.model.errors import BuildError, ServiceError

_SUPERVISOR_TAG = f"{IMAGE_PREFIX}{SUPERVISOR}"

_TAG_LABEL = "bitrun.image"
_PACKAGE_LABEL = "bitrun.package"
_VERSION_LABEL = "bitrun.version"
_ALLOWED_LABEL = "bitrun.allowed"
_SEAL_LABEL = "bitrun.seal"

# An image built FROM a sealed one inherits its labels, so each is set, if only to nothing.
_EMPTY_LABELS = dict.fromkeys((_PACKAGE_LABEL, _VERSION_LABEL, _ALLOWED_LABEL), "")

# A box has an /etc of its own, with links to this copy (images/supervisor/etc.h). An image need not
# have an /etc: WORKDIR makes one. The user is a number because an image of the operator's may have
# no list of users; and its health check would run in the box.
_DOCKERFILE = f"""\
FROM {{origin}} AS tools
WORKDIR /etc
FROM {{origin}}
COPY --from=tools /etc /image-etc
COPY --from={_SUPERVISOR_TAG} /bitrun /bitrun
USER 0:0
HEALTHCHECK NONE
ENTRYPOINT []
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package on the engine: the id of its image, and the version that its tools reported.

    `source` is the hash of all that it was made from, `seal` of what `SealedImages` adds; both are
    empty where no image says so.
    """

    image: str
    version: str
    source: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class _Tools:
    """An image to seal.

    `source` is a hash; `ensure` builds it if needed and returns a name or id that does not move.
    """

    source: str
    ensure: Callable[[ImageChange, Report], str]


class SealedImages:
    """The sealed images of one engine. Threads may share it."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        ca_bundle: Path | None = None,
        *,
        shares: bool = False,
    ) -> None:
        """Build from this folder. If it `shares` its images, other nodes must see what seals them.

        Images that were sealed by earlier versions of BitRun do not say that.
        """
        self._engine = engine
        self._unsealed = UnsealedImages(engine, folder, ca_bundle)
        self._shares = shares
        self._may_have_unused = True  # an earlier process may have left some

    def installed(self) -> dict[str, InstalledPackage]:
        """Return the installed packages by id."""
        return {
            image.labels[_PACKAGE_LABEL]: InstalledPackage(
                image.id,
                image.labels[_VERSION_LABEL],
                image.labels.get(SOURCE_LABEL, ""),
                image.labels.get(_SEAL_LABEL, ""),
            )
            for image in self._list(_PACKAGE_LABEL)
        }

    @property
    def seal(self) -> str:
        """A hash of what this version of BitRun adds to tools: the supervisor, and how."""
        return digest(_DOCKERFILE, self._unsealed.source(SUPERVISOR))

    def allowed(self) -> dict[str, str]:
        """Return the tags of the sealed allowed images, by the operator's reference."""
        return {
            image.labels[_ALLOWED_LABEL]: image.labels[_TAG_LABEL]
            for image in self._list(_ALLOWED_LABEL)
        }

    def install(self, package: Package, report: Report) -> None:
        """Build a package's image unless it is up to date.

        Raises:
            BuildError: it can't be built. An image that was installed before stays.
        """
        with self._changing(report) as change:
            tools = self._tools(package, report)
            source = self._source(tools.source, package.version_command)
            tag = f"{package.image}:latest"
            if self._is_current(tag, source):
                return
            # First, so that the engine has a name for this change.
            self._unsealed.ensure(SUPERVISOR, change, report)
            unsealed = tools.ensure(change, report)
            version = self._engine.run_command(unsealed, argv(package.version_command)).strip()
            if not version:
                raise BuildError(f"{package.name}: its version_command prints nothing")
            labels = {
                _PACKAGE_LABEL: package.id,
                _VERSION_LABEL: version,
                SOURCE_LABEL: source,
            }
            self._seal(unsealed, tag, labels, change, report)

    def wanted_source(self, package: Package) -> str | None:
        """Return the hash that `install` would label an image with; None if a pull decides.

        Raises:
            BuildError: its source is not there.
        """
        if package.build is None:
            return None
        return self._source(self._unsealed.source(package.build), package.version_command)

    def receive(self, package: Package, reference: str, source: str, report: Report) -> None:
        """Pull a package's sealed image from a registry unless it is here already.

        Raises:
            BuildError: it can't be pulled, or is not what its name promises.
        """
        tag = f"{package.image}:latest"
        with self._changing(report) as change:
            if self._is_current(tag, source):
                return
            self._engine.pull_image(reference, report)
            try:
                image = self._find_pulled(reference)
                self._check_received(image, reference, package, source)
                change.make(tag, source, lambda name: self._engine.tag_image(image.id, name))
            finally:
                # It would keep an image that has been replaced.
                self._engine.remove_image(reference)

    def is_outdated(self, package: Package) -> bool:
        """Whether `install` would build an installed package again. Nothing is pulled for it.

        Raises:
            BuildError: its source is not there.
        """
        source = self.wanted_source(package)
        return source is not None and not self._is_current(f"{package.image}:latest", source)

    def seal_allowed(self, reference: str, report: Report) -> str:
        """Seal an allowed image unless its sealed image is up to date.

        Returns:
            The tag of the sealed image.

        Raises:
            BuildError: the allowed image can't be pulled or sealed.
        """
        with self._changing(report) as change:
            image = self._pulled(reference, report)
            source = self._source(image.source)
            tag = f"{IMAGE_PREFIX}allowed:{digest(reference)[:16]}"
            if not self._is_current(tag, source):
                labels = {_ALLOWED_LABEL: reference, SOURCE_LABEL: source}
                self._seal(image.ensure(change, report), tag, labels, change, report)
            return tag

    def install_egress(self, report: Report) -> None:
        """Build the image of the egress proxy unless it is up to date.

        Raises:
            BuildError: it can't be built.
        """
        with self._changing(report) as change:
            self._unsealed.ensure(EGRESS, change, report)

    def has_current_egress(self) -> bool:
        """Whether `install_egress` would do nothing."""
        return self._is_current(EGRESS_IMAGE, self._unsealed.source(EGRESS))

    def remove(self, package: Package) -> None:
        """Remove the images of a package; an image of the operator's stays."""
        with self._changing() as change:
            change.remove(f"{package.image}:latest")
            if package.build:
                self._unsealed.remove(package.build, change)

    def note_change(self) -> None:
        """Expect unused images: an image has changed, perhaps by another service."""
        self._may_have_unused = True

    def remove_unused(self) -> None:
        """Remove images that were replaced, and that a box still used until now."""
        if not self._may_have_unused:
            return
        self._may_have_unused = False  # before the look: a change may follow at once
        try:
            complete = remove_unused(self._engine)
        except ServiceError as error:
            complete = False
            _log.debug("Unused images are not removed yet: %s", error)
        if not complete:
            self._may_have_unused = True

    def _list(self, label: str) -> Iterator[Image]:
        for image in self._engine.list_images(label):
            if image.labels[label] and image.labels.get(_TAG_LABEL) in image.tags:
                yield image

    def _tools(self, package: Package, report: Report) -> _Tools:
        if package.build:
            return _Tools(
                self._unsealed.source(package.build), partial(self._unsealed.ensure, package.build)
            )
        return self._pulled(str(package.pull), report)

    def _pulled(self, reference: str, report: Report) -> _Tools:
        image = self._engine.find_image(reference)
        if image is None:
            self._engine.pull_image(reference, report)
            image = self._find_pulled(reference)
        _refuse_volumes(image, reference)
        return _Tools(image.id, lambda *_: image.id)

    def _find_pulled(self, reference: str) -> Image:
        image = self._engine.find_image(reference)
        if image is None:
            raise BuildError(f"{reference} was pulled, but is not on the engine")
        return image

    def _source(self, *sources: str) -> str:
        return digest(_DOCKERFILE, self._unsealed.source(SUPERVISOR), *sources)

    def _is_current(self, tag: str, source: str) -> bool:
        image = self._engine.find_image(tag)
        return (
            image is not None
            and image.labels.get(SOURCE_LABEL) == source
            and not (self._shares and _SEAL_LABEL not in image.labels)
        )

    def _check_received(self, image: Image, reference: str, package: Package, source: str) -> None:
        wanted = {
            _PACKAGE_LABEL: package.id,
            _TAG_LABEL: f"{package.image}:latest",
            _SEAL_LABEL: self.seal,
            SOURCE_LABEL: source,
        }
        for label, value in wanted.items():
            found = image.labels.get(label, "")
            if found != value:
                raise BuildError(f"{reference} has {label}={found}, and not {value}")
        if not image.labels.get(_VERSION_LABEL):
            raise BuildError(f"{reference} has no {_VERSION_LABEL}")
        _refuse_volumes(image, reference)

    def _seal(
        self, tools: str, tag: str, labels: dict[str, str], change: ImageChange, report: Report
    ) -> None:
        origins = {_SUPERVISOR_TAG: self._unsealed.ensure(SUPERVISOR, change, report)}
        labels = _EMPTY_LABELS | labels | {_TAG_LABEL: tag, _SEAL_LABEL: self.seal}
        change.build(tag, _DOCKERFILE.format(origin=tools), labels, report, origins=origins)

    @contextmanager
    def _changing(self, report: Report = ignore) -> Iterator[ImageChange]:
        with images_lock(self._engine.info().id, report):
            change = ImageChange(self._engine)
            try:
                with change:
                    yield change
            finally:
                self._may_have_unused |= not change.complete


def _refuse_volumes(image: Image, reference: str) -> None:
    # In every box each would be a writable folder on the engine's disk, without a limit.
    if image.volumes:
        raise BuildError(f"{reference} declares volumes, which a box can't bound")
