"""Build contexts: the source of an image as a reproducible tar archive, and its hash.

The hash becomes a label of the image, and an image is built again when the label differs. Nothing
else records what was built. So the archive must not depend on the owner, the time or the umask of a
checkout, nor on the folder `samples`, whose programs test an image.
"""

import hashlib
import tarfile
from collections.abc import Collection, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from bitrun.model.errors import BuildError

_SAMPLES = "./samples"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def pack(folder: Path, more: Mapping[str, bytes] = _NOTHING) -> bytes:
    """Pack a folder as a build context, and `more` files by name, which replace those in it.

    Raises:
        BuildError: there is no such folder.
    """
    packed = BytesIO()
    try:
        # Links to files of other images are packed as files.
        with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
            archive.add(folder, arcname=".", filter=partial(_reproducible, replaced=more.keys()))
            for name, content in more.items():
                _add(archive, name, content)
    except OSError as error:
        raise BuildError(f"The source of an image can't be read: {error}") from error
    return packed.getvalue()


def pack_dockerfile(text: str) -> bytes:
    """Pack a build context that contains only a Dockerfile."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        _add(archive, "Dockerfile", text.encode())
    return packed.getvalue()


def digest(*parts: str | bytes) -> str:
    """Return a hash of the parts, which also depends on the boundaries between them."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, BytesIO(content))


def _reproducible(entry: tarfile.TarInfo, replaced: Collection[str]) -> tarfile.TarInfo | None:
    if entry.name.removeprefix("./") in replaced:
        return None
    # pip compiles all Python files of an installed package, those of the images, too.
    if entry.name == _SAMPLES or entry.name.endswith("/__pycache__"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry
