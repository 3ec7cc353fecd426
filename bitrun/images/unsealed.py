"""Unsealed images: Debian, base, the supervisor and the languages before they are sealed.

Each has a folder below `images/`, and the FROM lines of its Dockerfile name its parents. `debian`,
the root, has no Dockerfile.
"""

import re
from io import BytesIO
from pathlib import Path

from bitrun.config.catalogue import IMAGE_PREFIX
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.images.build_context import digest, pack
from bitrun.images.rootfs import build_root
from bitrun.model.errors import BuildError

SOURCE_LABEL = "bitrun.source"
SUPERVISOR = "supervisor"

_DEBIAN = "debian"
_CA_BUNDLE = "ca-bundle.pem"
_NEVER_SEALED = (_DEBIAN, "base", SUPERVISOR)
_PARENT = re.compile(rf"^FROM\s+{IMAGE_PREFIX}([a-z0-9._-]+)", flags=re.MULTILINE | re.IGNORECASE)


class UnsealedImages:
    """The images of one folder, each built again when its source or that of a parent changes."""

    def __init__(self, engine: Engine, folder: Path, ca_bundle: Path | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._ca_bundle = ca_bundle

    def source(self, name: str) -> str:
        """Return a hash of an image's build context and of those of its parents.

        Raises:
            BuildError: it has no folder.
        """
        return digest(pack(self._folder / name), *map(self.source, self._parents(name)))

    def ensure(self, name: str, report: Report) -> str:
        """Build an image unless it is up to date.

        Returns:
            Its tag.

        Raises:
            BuildError: it, or a parent, can't be built.
        """
        tag = _tag(name)
        source = self.source(name)
        if not self.is_current(tag, source):
            for parent in self._parents(name):
                self.ensure(parent, report)
            self._build(name, tag, {SOURCE_LABEL: source}, report)
        return tag

    def is_current(self, tag: str, source: str) -> bool:
        """Whether the engine has an image with this tag that was built from this source."""
        image = self._engine.find_image(tag)
        return image is not None and image.labels.get(SOURCE_LABEL) == source

    def remove(self, name: str) -> None:
        self._engine.remove_image(_tag(name))

    def _build(self, name: str, tag: str, labels: dict[str, str], report: Report) -> None:
        folder = self._folder / name
        if name == _DEBIAN:
            build_root(self._engine, folder, tag, labels, report)
        else:
            context = pack(folder, {_CA_BUNDLE: self._certificates()})
            self._engine.build_image(BytesIO(context), tag, labels, report)

    def _certificates(self) -> bytes:
        """Return the additional certificates for builds; empty if there are none.

        The file is always in the context, as a Dockerfile can't copy a file that may be missing. It
        is not part of the source: what a build downloads does not depend on it.
        """
        try:
            return self._ca_bundle.read_bytes() if self._ca_bundle else b""
        except OSError as error:
            raise BuildError(f"The certificates for builds can't be read: {error}") from error

    def _parents(self, name: str) -> tuple[str, ...]:
        dockerfile = self._folder / name / "Dockerfile"
        if not dockerfile.exists():
            return ()
        return tuple(dict.fromkeys(_PARENT.findall(dockerfile.read_text(encoding="utf-8"))))


def _tag(name: str) -> str:
    return f"{IMAGE_PREFIX}{name}" + ("" if name in _NEVER_SEALED else ":unsealed")
