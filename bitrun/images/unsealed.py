"""Unsealed images: Debian, base, the supervisor and the languages before they are sealed.

Each has a folder below `images/`, and the FROM lines of its Dockerfile name its parents. `debian`,
the root, has no Dockerfile.
"""

import re
from pathlib import Path

from bitrun.config.catalogue import IMAGE_PREFIX
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.images.build_context import digest, pack
from bitrun.images.change import SOURCE_LABEL, ImageChange
from bitrun.images.rootfs import build_root
from bitrun.model.errors import BuildError

SUPERVISOR = "supervisor"

_DEBIAN = "debian"
_DOCKERFILE = "Dockerfile"
_CA_BUNDLE = "ca-bundle.pem"
_NEVER_SEALED = (_DEBIAN, "base", SUPERVISOR)
_PARENT = re.compile(rf"^FROM\s+{IMAGE_PREFIX}([a-z0-9._-]+)", flags=re.MULTILINE | re.IGNORECASE)


class UnsealedImages:
    """The images of one folder, each built again when its source or that of a parent changes."""

    def __init__(self, engine: Engine, folder: Path, ca_bundle: Path | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._ca_bundle = ca_bundle

    def change(self) -> ImageChange:
        """Begin a change of these images alone, without the lock of all images."""
        return ImageChange(self._engine)

    def source(self, name: str) -> str:
        """Return a hash of an image's build context and of those of its parents.

        Raises:
            BuildError: it has no folder.
        """
        return digest(pack(self._folder / name), *map(self.source, self._parents(name)))

    def ensure(self, name: str, change: ImageChange, report: Report) -> str:
        """Build an image unless it is up to date.

        Returns:
            A name of it that does not move, valid until the end of the change.

        Raises:
            BuildError: it, or a parent, can't be built.
        """
        tag = _tag(name)
        source = self.source(name)
        if found := change.use(tag, source):
            return found
        folder = self._folder / name
        labels = {SOURCE_LABEL: source}
        if name == _DEBIAN:
            return change.make(
                tag, source, lambda name: build_root(self._engine, folder, name, labels, report)
            )
        origins = {
            _tag(parent): self.ensure(parent, change, report) for parent in self._parents(name)
        }
        more = {_CA_BUNDLE: self._certificates()}
        return change.build(
            tag,
            self._dockerfile(name),
            labels,
            report,
            pack=lambda text: pack(folder, more | {_DOCKERFILE: text.encode()}),
            origins=origins,
        )

    def remove(self, name: str, change: ImageChange) -> None:
        change.remove(_tag(name))

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
        return tuple(dict.fromkeys(_PARENT.findall(self._dockerfile(name))))

    def _dockerfile(self, name: str) -> str:
        """Return the text of a Dockerfile, empty if there is none."""
        path = self._folder / name / _DOCKERFILE
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _tag(name: str) -> str:
    return f"{IMAGE_PREFIX}{name}" + ("" if name in _NEVER_SEALED else ":unsealed")
