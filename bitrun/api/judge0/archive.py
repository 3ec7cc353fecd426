"""Files of a zip, as `additional_files` has them: read in bounded memory."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from bitrun.api.piston.files import file_path
from bitrun.config.settings import Settings
from bitrun.model.errors import RequestError
from bitrun.model.job import File

_CHUNK = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for any amount of memory
_ENCRYPTED = 0x1
_EXECUTABLE = 0o111
_MODE_SHIFT = 16  # of Unix permissions in an entry's attributes

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError,
    NotImplementedError, OverflowError, IndexError,
)  # fmt: skip


class ArchiveRefused(RequestError):
    """A zip can't be used; the text says why, as of a field."""


def check_archive(data: bytes, settings: Settings) -> int:
    """Read all of a zip without keeping it; return the bytes of its files.

    Raises:
        ArchiveRefused: it is none, or has too much.
    """
    return sum(len(chunk) for _, content in _entries(data, settings) for chunk in content)


def unpacked_size(data: bytes) -> int:
    """Return the bytes of a checked zip's files as it says itself: no more are ever read."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def read_archive(data: bytes, settings: Settings) -> list[File]:
    """Return the files of a zip; of those with one name the last. Raises as `check_archive`."""
    found = {}
    for entry, content in _entries(data, settings):
        name = file_path(entry.filename, "additional_files")
        is_executable = bool(entry.external_attr >> _MODE_SHIFT & _EXECUTABLE)
        found[name] = File(name, b"".join(content), 0o755 if is_executable else 0o644)
    return list(found.values())


def _entries(data: bytes, settings: Settings) -> Iterator[tuple[zipfile.ZipInfo, Iterator[bytes]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(entries, settings)
            for entry in entries:
                yield entry, _content(archive, entry)
    except ArchiveRefused:
        raise
    except RequestError as error:
        raise ArchiveRefused(str(error)) from error
    except _UNREADABLE as error:
        raise ArchiveRefused("is no valid zip") from error


def _check(entries: Sequence[zipfile.ZipInfo], settings: Settings) -> None:
    if len(entries) > settings.workdir_inodes:
        raise ArchiveRefused(f"has {len(entries)} files, and may have {settings.workdir_inodes}")
    # What an entry says of its size is checked while it is read.
    if sum(entry.file_size for entry in entries) > settings.workdir_size:
        raise ArchiveRefused(f"has more than the {settings.workdir_size} bytes that are possible")
    for entry in entries:
        file_path(entry.filename, "additional_files")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise ArchiveRefused("must be a zip that is stored or deflated, not encrypted")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
