"""Replies of JSON with files beside it: `multipart/form-data`, or a tar archive.

In JSON itself a binary file is base64, a third larger and slower to read. Both forms are written in
parts, so that no reply is in memory as a whole.
"""

import secrets
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from bitrun.api.http import large_json
from bitrun.api.http.streamed import Streamed

MULTIPART = "multipart/form-data"
TAR = "application/x-tar"

_JSON = "application/json"
_BLOCK = tarfile.BLOCKSIZE
_RESULT = "result"  # the name of the JSON


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a reply; `name` is a relative path of printable characters."""

    name: str
    content: bytes
    mode: int = 0o644


def wanted(request: Request) -> str | None:
    """Return the form that a client prefers to JSON; None for JSON."""
    best = request.accept_mimetypes.best_match([_JSON, MULTIPART, TAR])
    return best if best in (MULTIPART, TAR) else None


def reply(form: str, value: Mapping[str, Any], files: Sequence[Attachment]) -> Response:
    """Write an object and files in one of the two forms."""
    if form == TAR:
        return Streamed(_tar(value, files), content_type=TAR)
    boundary = secrets.token_hex(16)
    content_type = f"{MULTIPART}; boundary={boundary}"
    return Streamed(_multipart(boundary, value, files), content_type=content_type)


def _multipart(
    boundary: str, value: Mapping[str, Any], files: Sequence[Attachment]
) -> Iterator[bytes]:
    yield _part_header(boundary, f'name="{_RESULT}"', _JSON)
    yield from map(str.encode, large_json.line(value))
    for file in files:
        # As browsers write it. Line ends, which they escape, too, are in no name.
        name = file.name.replace('"', "%22")
        disposition = f'name="files"; filename="{name}"'
        yield b"\r\n" + _part_header(boundary, disposition, "application/octet-stream")
        yield file.content
    yield f"\r\n--{boundary}--\r\n".encode()


def _part_header(boundary: str, disposition: str, content_type: str) -> bytes:
    return (
        f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n"
        f"Content-Type: {content_type}\r\n\r\n"
    ).encode()


def _tar(value: Mapping[str, Any], files: Sequence[Attachment]) -> Iterator[bytes]:
    # The size comes first, so the object is written twice.
    size = sum(len(piece.encode()) for piece in large_json.line(value))
    yield _tar_header(f"{_RESULT}.json", size, 0o644)
    yield from map(str.encode, large_json.line(value))
    yield _padding(size)
    for file in files:
        yield _tar_header(f"files/{file.name}", len(file.content), file.mode)
        yield file.content
        yield _padding(len(file.content))
    yield bytes(2 * _BLOCK)


def _tar_header(name: str, size: int, mode: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, mode, int(time.time())
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
