"""The images that boxes are made of: a language's tools, sealed with the supervisor.

The tools come from a folder of ours or in an image of the operator's. Sealing adds the supervisor
as the last, thin layer: any image will do, and a changed supervisor costs little. What is installed
is written nowhere but in the labels of the engine's images.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from bitrun.config.catalogue import IMAGE_PREFIX, Package, argv
from bitrun.config.settings import ROOT
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.engine.images import Image
from bitrun.images.build_context import digest, pack_dockerfile
from bitrun.images.unsealed import SOURCE, SUPERVISOR, UnsealedImages
from bitrun.model.errors import BuildError, ServiceError

_TAG = "bitrun.image"
_PACKAGE = "bitrun.package"
_VERSION = "bitrun.version"
_ALLOWED = "bitrun.allowed"

# An image built FROM a sealed one inherits its labels, so each is set anew, if to nothing.
_NO_LABELS = dict.fromkeys((_PACKAGE, _VERSION, _ALLOWED), "")

# The user goes by number because a foreign image need not have a list of users, and a foreign
# image's health check would run in the box.
_SEAL = f"""\
FROM {{origin}}
COPY --from={IMAGE_PREFIX}{SUPERVISOR} /supervisor /bitrun/supervisor
USER 0:0
HEALTHCHECK NONE
ENTRYPOINT []
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """A package on the engine: the id of its image, and the version that its tools told."""

    image: str
    version: str


@dataclass(frozen=True, slots=True)
class _Origin:
    """What is sealed: a hash that changes with it, and how to have it on the engine."""

    source: str
    ensure: Callable[[Report], str]


class SealedImages:
    """The sealed images of one engine. Threads may share it."""

    def __init__(self, engine: Engine, folder: Path, ca_bundle: Path | None = None) -> None:
        self._engine = engine
        self._parts = UnsealedImages(engine, folder, ca_bundle)
        self._untidy = False

    def installed(self) -> dict[str, Installed]:
        """Return the installed packages by id."""
        return {
            image.labels[_PACKAGE]: Installed(image.id, image.labels[_VERSION])
            for image in self._sealed(_PACKAGE)
        }

    def allowed(self) -> dict[str, str]:
        """Return the sealed tag of every allowed image, by the reference that the operator gave."""
        return {image.labels[_ALLOWED]: image.labels[_TAG] for image in self._sealed(_ALLOWED)}

    def install(self, package: Package, report: Report) -> None:
        """Bring a package's image up to date, at no cost when nothing has changed.

        Raises:
            BuildError: it can't be made. What stood under its tag still does.
        """
        with _alone():
            origin = self._origin(package, report)
            source = self._source(origin.source, package.version_command)
            tag = f"{package.image}:latest"
            if self._parts.current(tag, source):
                return
            with self._tidied():
                tools = origin.ensure(report)
                version = self._engine.run_command(tools, argv(package.version_command)).strip()
                if not version:
                    raise BuildError(f"{package.name}: its version_command prints nothing")
                labels = {_PACKAGE: package.id, _VERSION: version, SOURCE: source}
                self._seal(tools, tag, labels, report)

    def is_stale(self, package: Package) -> bool:
        """Whether an installed package would be made anew by `install`; nothing is fetched for it.

        Raises:
            BuildError: its makings are not there.
        """
        if package.build is None:
            return False
        source = self._source(self._parts.source(package.build), package.version_command)
        return not self._parts.current(f"{package.image}:latest", source)

    def seal_allowed(self, reference: str, report: Report) -> str:
        """Bring the sealed image of an allowed one up to date.

        Returns:
            Its tag.

        Raises:
            BuildError: the allowed image can't be had, or not be sealed.
        """
        with _alone():
            source = self._source(self._foreign(reference, report).source)
            tag = f"{IMAGE_PREFIX}allowed:{digest(reference)[:16]}"
            if not self._parts.current(tag, source):
                with self._tidied():
                    self._seal(reference, tag, {_ALLOWED: reference, SOURCE: source}, report)
            return tag

    def remove(self, package: Package) -> None:
        """Take a package off the engine; an image of the operator's stays."""
        with _alone(), self._tidied():
            self._engine.remove_image(f"{package.image}:latest")
            if package.build:
                self._parts.remove(package.build)

    def tidy(self) -> None:
        """Remove what could not be removed before, as a box still stood on it."""
        if not self._untidy:
            return
        try:
            with _alone(wait=False), self._tidied():
                pass
        except BlockingIOError:
            pass  # who changes images now will tidy up, too
        except ServiceError as fault:
            _log.debug("SealedImages are left to be removed: %s", fault)

    def _sealed(self, label: str) -> Iterator[Image]:
        for image in self._engine.list_images(label):
            if image.labels[label] and image.labels.get(_TAG) in image.tags:
                yield image

    def _origin(self, package: Package, report: Report) -> _Origin:
        if package.build:
            return _Origin(
                self._parts.source(package.build), partial(self._parts.ensure, package.build)
            )
        return self._foreign(str(package.pull), report)

    def _foreign(self, reference: str, report: Report) -> _Origin:
        image = self._engine.find_image(reference)
        if image is None:
            self._engine.pull_image(reference, report)
            image = self._engine.find_image(reference)
        if image is None:
            raise BuildError(f"{reference} was pulled, but is not on the engine")
        if image.volumes:
            # Each would be a writable folder without bounds on the engine's disk, in every box.
            raise BuildError(f"{reference} declares volumes, which a box can't bound")
        return _Origin(image.id, lambda _: reference)

    def _source(self, *sources: str) -> str:
        return digest(_SEAL, self._parts.source(SUPERVISOR), *sources)

    def _seal(self, origin: str, tag: str, labels: dict[str, str], report: Report) -> None:
        self._parts.ensure(SUPERVISOR, report)
        dockerfile = pack_dockerfile(_SEAL.format(origin=origin))
        self._engine.build_image(
            BytesIO(dockerfile), tag, _NO_LABELS | labels | {_TAG: tag}, report
        )

    @contextmanager
    def _tidied(self) -> Iterator[None]:
        """Leave no image without a name, neither the replaced one nor a failed build's."""
        try:
            yield
        finally:
            self._engine.prune_images(SOURCE)
            self._untidy = self._engine.has_dangling_images(SOURCE)


@contextmanager
def _alone(*, wait: bool = True) -> Iterator[None]:
    """Hold up all other threads and processes of this service that would change images.

    Raises:
        BlockingIOError: one of them does so now, and this one would not `wait`.
    """
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
