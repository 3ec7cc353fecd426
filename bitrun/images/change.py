"""Changes of images that are safe beside other changes on the same engine.

Services on several machines share an engine without a lock. So a change expects that a tag moves,
or that its image is replaced, at any moment. Names, which the engine changes atomically, keep the
changes apart:

    bitrun/python:unsealed     the tag, which moves to the next image that is built
    bitrun/python:build-<id>   the image's own name, which no other image gets
    bitrun/python:in-use-<id>  the name for a change that builds from it

An image whose only name is its own has been replaced. Any service can find and remove it, now or
later; nothing else records what was built. The images between the steps of a build have no name,
but a label with the id of the change. It is over once the engine has no name for it.
"""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Self

from bitrun.config.catalogue import IMAGE_PREFIX
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.images import Image
from bitrun.images.build_context import pack_dockerfile
from bitrun.model.errors import ServiceError

# The hash of an image's source. Images that others build from ours inherit it, but not the names.
SOURCE_LABEL = "bitrun.source"

_OWN, _IN_USE = "build-", "in-use-"
_UNFINISHED = "unfinished-"  # the value of the label before the last step of a build
_UNMARKED = "-unmarked"  # its end if there is no name for the change yet
_CHANGE_ID = re.compile(rf"\b(?:{_IN_USE}|{_UNFINISHED})(\d+-[0-9a-f]+)")
_MAX_CHANGE_SECONDS = 24 * 60 * 60  # an older name or label is from a change that was killed
_MAX_PASSES = 5

_REFERENCE = re.compile(r"^(FROM\s+(?:--\S+\s+)*|COPY\s+--from=)(\S+)", flags=re.IGNORECASE)
_NO_ORIGINS: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


class ImageChange:
    """The images that one change builds, and those that it builds from, until its end.

    A context manager. For one thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._id = f"{int(time.time())}-{secrets.token_hex(6)}"
        self._count = itertools.count()
        self._in_use: dict[tuple[str, str], str] = {}  # names by tag and source
        self._marked = False  # whether the engine has a name for this change
        self.complete = False  # whether nothing unused was left at the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Release the images, and remove those that are not used any more."""
        try:
            for name in self._in_use.values():
                self._engine.remove_image(name)
            self.complete = remove_unused(self._engine, self._id)
        except ServiceError as error:
            _log.debug("Unused images are not removed yet: %s", error)

    def use(self, tag: str, source: str) -> str | None:
        """Keep the image with this tag until the end of the change, if it has this source.

        Returns:
            A name of it that does not move; None if the engine has no such image.
        """
        if name := self._in_use.get((tag, source)):
            return name
        image = self._engine.find_image(tag)
        if image is None or image.labels.get(SOURCE_LABEL) != source:
            return None
        name = self._new_name(tag, _IN_USE)
        try:
            self._engine.tag_image(image.id, name)
        except NotOnEngine:
            return None  # replaced and removed since
        self._in_use[tag, source] = name
        self._marked = True
        self._add_own_name(image, tag)
        return name

    def build(
        self,
        tag: str,
        dockerfile: str,
        labels: dict[str, str],
        report: Report,
        *,
        pack: Callable[[str], bytes] = pack_dockerfile,
        origins: Mapping[str, str] = _NO_ORIGINS,
    ) -> str:
        """Build a Dockerfile, and move the tag to the image. The source is one of the labels.

        `pack` makes the build context from the text of the Dockerfile. `origins` maps references
        to images in it to names that do not move.

        Returns:
            A name of the image that does not move, valid until the end of the change.

        Raises:
            BuildError: a step failed. The tag has not moved.
        """
        context = BytesIO(pack("".join(self._prepare(dockerfile, origins))))
        return self.make(
            tag,
            labels[SOURCE_LABEL],
            lambda name: self._engine.build_image(context, name, labels, report),
        )

    def make(self, tag: str, source: str, build: Callable[[str], None]) -> str:
        """Call `build` with a name, under which it makes an image, and move the tag to that.

        Returns:
            The name, valid until the end of the change.
        """
        name = self._new_name(tag, _IN_USE)
        self._in_use[tag, source] = name
        build(name)
        self._marked = True
        self._keep_findable(tag)
        self._engine.tag_image(name, tag)
        # Not earlier: an image whose only name is its own counts as replaced.
        self._engine.tag_image(name, self._new_name(tag, _OWN))
        return name

    def remove(self, tag: str) -> None:
        """Remove a tag. The image goes at the end of the change, or once no container uses it."""
        self._keep_findable(tag)
        self._engine.remove_image(tag, force=True)

    def _keep_findable(self, tag: str) -> None:
        """Give the image that is about to lose this tag its own name, if it has none.

        Images from a file have none, nor have those of a change that was killed.
        """
        image = self._engine.find_image(tag)
        if image is not None and SOURCE_LABEL in image.labels:
            try:
                self._add_own_name(image, tag)
            except NotOnEngine:
                _log.debug("Another change has removed %s", tag)

    def _add_own_name(self, image: Image, tag: str) -> None:
        if not any(map(_is_own, image.tags)):
            self._engine.tag_image(image.id, self._new_name(tag, _OWN))

    def _new_name(self, tag: str, kind: str) -> str:
        return f"{tag.partition(':')[0]}:{kind}{self._id}-{next(self._count)}"

    def _prepare(self, dockerfile: str, origins: Mapping[str, str]) -> Iterator[str]:
        """Replace references to images, and label all that is built from them."""

        def meant(found: re.Match[str]) -> str:
            return found[1] + origins.get(found[2], found[2])

        unfinished = _UNFINISHED + self._id + ("" if self._marked else _UNMARKED)
        instruction = ""  # empty where one begins: a backslash continues it on the next line
        for line in dockerfile.splitlines():
            yield (line if instruction else _REFERENCE.sub(meant, line)) + "\n"
            instruction = instruction or line
            if not line.rstrip().endswith("\\"):
                if instruction.upper().startswith("FROM"):
                    yield f"LABEL {SOURCE_LABEL}={unfinished}\n"
                instruction = ""


def remove_unused(engine: Engine, ended: str = "") -> bool:
    """Remove the images that were replaced, and what changes have left that are over.

    `ended` is the id of a change that has just ended.

    Returns:
        False if one of them could not be removed; a container may still use it.
    """
    # Again after each removal: the engine removes the parents of an image as well, but not always,
    # if another client removes images at the same time.
    for _ in range(_MAX_PASSES):
        removed = [engine.remove_image(each) for each in _unused(engine, ended)]
        if not any(removed):
            return not removed
    return False


def _unused(engine: Engine, ended: str) -> list[str]:
    """Return the names of unused images, and the ids of those that have none."""
    images = engine.list_images(SOURCE_LABEL)
    in_progress = {
        _change_id(name)
        for image in images
        for name in image.tags
        if _IN_USE in name and not _is_abandoned(name)
    }
    unused: list[str] = []
    for image in images:
        label = image.labels[SOURCE_LABEL]
        abandoned = {name for name in image.tags if _is_abandoned(name)}
        others = set(image.tags) - abandoned
        unused += abandoned | (others if all(map(_is_own, others)) else set())
        if not image.tags and label.startswith(_UNFINISHED):
            change = _change_id(label)
            over = change not in in_progress and not label.endswith(_UNMARKED)
            if over or change == ended or _is_abandoned(label):
                unused.append(image.id)
    return unused


def _is_own(name: str) -> bool:
    return name.startswith(IMAGE_PREFIX) and name.partition(":")[2].startswith(_OWN)


def _change_id(name: str) -> str:
    """Return the id of the change from a name in use or from the label of an unfinished image."""
    found = _CHANGE_ID.search(name)
    return found[1] if found else ""


def _is_abandoned(name: str) -> bool:
    """Whether the change that this name or label is from was killed a day ago."""
    started = _change_id(name).partition("-")[0]
    return bool(started) and time.time() - int(started) > _MAX_CHANGE_SECONDS
