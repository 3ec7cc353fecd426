"""Files of a Piston request: names, encodings, and which of them are code."""

import base64
import binascii
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Any

from bitrun.api.http.json_body import is_unicode
from bitrun.execution.sources import NAMELESS
from bitrun.execution.uploads import Upload
from bitrun.model.errors import RequestError
from bitrun.model.job import Content, File

FIELDS = frozenset({"name", "content", "encoding", "upload"})

_FILES = 'files is a list of objects, such as [{"name": "main.py", "content": "print(1)"}]'

MAX_UPLOADS = 16  # in one request: each holds a descriptor until the run ends

OpenUpload = Callable[[str], tuple[Upload, Content]]

_DRIVE = re.compile("[A-Za-z]:/")
_MAX_NAME = 4095  # Linux's PATH_MAX
_MAX_FOLDERS = 32  # the supervisor walks them from the top for each file


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A decoded file; `is_code` if it was sent as text, so that it is compiled or run."""

    file: File
    is_code: bool


def with_uploads(body: Mapping[str, Any], open_upload: OpenUpload) -> dict[str, Any]:
    """Replace each `upload` of a file by the content of the upload, before the body is checked.

    The files of a batch's runs and judges may be uploads, too.

    Raises:
        UploadNotFound: the client has none of that id.
        RequestError: the request names too many.
    """
    open_upload = _opening_once(open_upload)
    found: dict[str, Any] = dict(_with_own_uploads(body, open_upload))
    for name in ("checker", "interactor"):
        if name in found:
            found[name] = _with_own_uploads(found[name], open_upload)
    if isinstance(found.get("runs"), list):
        found["runs"] = [_with_own_uploads(run, open_upload) for run in found["runs"]]
    return found


def _opening_once(open_upload: OpenUpload) -> OpenUpload:
    opened: dict[str, tuple[Upload, Content]] = {}

    def open_once(upload_id: str) -> tuple[Upload, Content]:
        if upload_id not in opened:
            if len(opened) == MAX_UPLOADS:
                raise RequestError(
                    f"A request may name {MAX_UPLOADS} uploads, once or often: put several into an"
                    " archive that the program unpacks"
                )
            opened[upload_id] = open_upload(upload_id)
        return opened[upload_id]

    return open_once


def _with_own_uploads(part: Any, open_upload: OpenUpload) -> Any:
    if not isinstance(part, Mapping) or not isinstance(part.get("files"), list):
        return part
    return {**part, "files": [_with_upload(entry, open_upload) for entry in part["files"]]}


def _with_upload(entry: Any, open_upload: OpenUpload) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("upload"), str):
        return entry
    upload, content = open_upload(entry["upload"])
    return {"name": entry.get("name") or upload.name, "content": content}


def check_contents(files: Any, max_files: int) -> list[dict[str, Any]]:
    """Check what Piston checks before it looks for the runtime.

    Raises:
        RequestError: `files` is no array, has more than `max_files` entries, or one has no content.
    """
    if not isinstance(files, list):
        raise RequestError("files is required as an array", _FILES)
    if len(files) > max_files:
        raise RequestError(f"files may have {max_files} entries at most, and has {len(files)}")
    for index, entry in enumerate(files):
        # Bytes, which JSON knows none of, are those of multipart bodies and uploads.
        if not isinstance(entry, dict) or not isinstance(entry.get("content"), (str, bytes, mmap)):
            raise RequestError(f"files[{index}].content is required as a string", _FILES)
    return files


def any_is_text(files: list[dict[str, Any]]) -> bool:
    """Whether a file is text for Piston, which does not count unknown encodings here."""
    return any(
        isinstance(entry["content"], str)
        and (not entry.get("encoding") or entry["encoding"] == "utf8")
        for entry in files
    )


def read_files(files: list[dict[str, Any]]) -> list[RequestFile]:
    """Decode checked files; of those with one name the last wins.

    Raises:
        RequestError: a name or a content can't be used.
    """
    found: dict[str, RequestFile] = {}
    for index, entry in enumerate(files):
        content, encoding = entry["content"], entry.get("encoding")
        is_code = isinstance(content, str) and encoding not in ("base64", "hex")
        if isinstance(content, str):
            content = _content(content, encoding, index)
        name = _name(entry.get("name"), index)
        found[name] = RequestFile(File(name, content), is_code)
    return list(found.values())


def _name(name: Any, index: int) -> str:
    where = f"files[{index}].name"
    if name in (None, "", 0):  # the values that are false in JavaScript, false included
        name = f"file{index}.{NAMELESS}"
    if not isinstance(name, str):
        raise RequestError(f"{where} must be a string")
    return file_path(name, where)


def file_path(name: str, where: str) -> str:
    """Return the path of a file below the work directory; `where` names its field.

    Raises:
        RequestError: the work directory can't have such a file.
    """
    if "\0" in name or not is_unicode(name):
        raise RequestError(f"{where} holds a character that no file name can hold")
    if len(name.encode()) > _MAX_NAME:
        raise RequestError(f"{where} is too long")
    # Clients on Windows separate folders with a backslash. v1, which has no folders, refuses both.
    slashed = name.replace("\\", "/")
    path = posixpath.normpath(slashed)
    if slashed.startswith("/") or _DRIVE.match(slashed) or path.split("/")[0] == "..":
        raise RequestError(f"{where} must stay within the directory: {name}")
    if path.count("/") > _MAX_FOLDERS:
        raise RequestError(f"{where} has more than {_MAX_FOLDERS} folders")
    if path == "." or slashed.endswith(("/", "/.")):
        raise RequestError(f"{where} must name a file: {name}")
    return path


def _content(content: str, encoding: Any, index: int) -> bytes:
    try:
        if encoding == "base64":
            return decode_base64(content)
        if encoding == "hex":
            return bytes.fromhex(content)
        return content.encode()
    except (ValueError, binascii.Error) as error:
        kind = encoding if encoding in ("base64", "hex") else "utf8"
        raise RequestError(f"files[{index}].content is no valid {kind}") from error


def decode_base64(content: str) -> bytes:
    """Decode either alphabet, with or without padding and line breaks, as Node does.

    Raises:
        ValueError: it is no base64.
    """
    compact = "".join(content.split()).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
