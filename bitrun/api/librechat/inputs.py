"""Files that a request has named by their ids, for the work directory of its program."""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from bitrun.api.piston.files import file_path
from bitrun.config.settings import Settings
from bitrun.execution.uploads import ClientUploads, Upload, is_id
from bitrun.model.errors import RequestError, UploadNotFound
from bitrun.model.job import Content, File

MAX_FILES = 200  # as in one upload

# Each map holds a descriptor. Those of larger files are few: together they fit into a box.
_MAX_COPIED = 1 << 20

_READ_ONLY_MODE = 0o444


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file as a request names it: by its id and that of what it belongs to."""

    id: str
    group: str
    name: str


@dataclass(frozen=True, slots=True)
class Input:
    """A stored file, and the file that becomes of it in the work directory."""

    upload: Upload
    file: File


def read_references(files: Any) -> list[FileReference]:
    """Read the field `files`; a file that it has twice counts once.

    Raises:
        RequestError: it is no array of files, or has too many.
    """
    if files is None:
        return []
    if not isinstance(files, list):
        raise RequestError("If specified, files must be an array")
    if len(files) > MAX_FILES:
        raise RequestError(f"files may have {MAX_FILES} entries at most, and has {len(files)}")
    found = [_read_reference(entry, f"files[{index}]") for index, entry in enumerate(files)]
    return [*{each.id: each for each in found}.values()]


def _read_reference(entry: Any, where: str) -> FileReference:
    if not isinstance(entry, dict):
        raise RequestError(f"{where} must be an object")
    # Clients of before 2026 call it session_id.
    group = entry.get("storage_session_id", entry.get("session_id"))
    file_id = _read_id(entry.get("id"), f"{where}.id")
    group = _read_id(group, f"{where}.storage_session_id")
    name = entry.get("name")
    if not isinstance(name, str):
        raise RequestError(f"{where}.name must be a string")
    return FileReference(file_id, group, file_path(name, f"{where}.name"))


def _read_id(value: Any, where: str) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise RequestError(f"{where} must be an id, as an upload or a run has returned")
    return value


def open_inputs(
    references: Sequence[FileReference], uploads: ClientUploads, settings: Settings
) -> list[Input]:
    """Open the files of references.

    Of several with one name the newest has it, and the others get a number: none is lost.

    Raises:
        UploadNotFound: the client has no such file; the text names it.
        RequestError: together they do not fit into a work directory.
    """
    opened = [_open(reference, uploads) for reference in references]
    size = sum(upload.size for _, upload, _ in opened)
    if size > settings.workdir_size:
        raise RequestError(
            f"The files have {size} bytes together, and a work directory has "
            f"{settings.workdir_size}: send fewer"
        )
    inputs = []
    taken: set[str] = set()
    for reference, upload, content in sorted(opened, key=lambda each: -each[1].stored):
        name = free_name(reference.name, taken)
        taken.add(name)
        mode = {"mode": _READ_ONLY_MODE} if upload.read_only else {}
        inputs.append(Input(upload, File(name, content, **mode)))
    return inputs


def _open(
    reference: FileReference, uploads: ClientUploads
) -> tuple[FileReference, Upload, Content]:
    try:
        upload, content = uploads.open(reference.id, reference.group)
    except UploadNotFound as error:
        raise UploadNotFound(reference.id, reference.name) from error
    if isinstance(content, mmap) and len(content) <= _MAX_COPIED:
        with content:
            return reference, upload, content[:]
    return reference, upload, content


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return a path that none of those taken is, is a folder of, or is in; the same if it can be.

    Otherwise it has a number: `data_1.csv` for `data.csv`.
    """
    files = set(taken)
    folders = {folder for path in files for folder in _folders(path)}
    if files.intersection(_folders(name)):
        name = name.replace("/", "_")
    stem, ending = posixpath.splitext(name)
    number = 0
    while name in files or name in folders:
        number += 1
        name = f"{stem}_{number}{ending}"
    return name


def _folders(path: str) -> Collection[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
