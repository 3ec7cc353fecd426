"""What an image is made of, packed for the engine and hashed.

The hash goes into the image as a label, and an image is made again when the label no longer fits.
Nothing else remembers what was built. So packing is reproducible: the owner, the time and the
umask of a checkout leave no trace, nor does the folder `samples`, whose programs test an image.
"""

import hashlib
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from bitrun.model.errors import BuildError

_SAMPLES = "./samples"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def pack(folder: Path, more: Mapping[str, bytes] = _NOTHING) -> bytes:
    """Pack a folder as a build's context, with `more` files beside those it holds.

    Raises:
        BuildError: there is no such folder.
    """
    packed = BytesIO()
    try:
        # A link to another image's file is packed as that file.
        with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
            archive.add(folder, arcname=".", filter=_reproducible)
            for name, content in more.items():
                _add(archive, name, content)
    except OSError as error:
        raise BuildError(f"The makings of an image can't be read: {error}") from error
    return packed.getvalue()


def pack_dockerfile(text: str) -> bytes:
    """Pack a Dockerfile that needs no other file."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        _add(archive, "Dockerfile", text.encode())
    return packed.getvalue()


def digest(*parts: str | bytes) -> str:
    """Hash all parts; where one ends and the next begins counts too."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, BytesIO(content))


def _reproducible(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # pip compiles all Python files of an installed package, those of the images, too.
    if entry.name == _SAMPLES or entry.name.endswith("/__pycache__"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry
