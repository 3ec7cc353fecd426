"""Routes of files: upload, list, download, delete."""

import mimetypes
import posixpath
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http import multipart
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import receive_chunks
from bitrun.api.http.download import BINARY, download
from bitrun.api.http.multipart import Part
from bitrun.api.librechat.auth import api_key
from bitrun.api.librechat.inputs import MAX_FILES
from bitrun.api.piston.files import file_path
from bitrun.execution.uploads import ClientUploads, Upload, is_id, random_id
from bitrun.model.errors import RequestError, UploadNotFound
from bitrun.model.job import Content
from bitrun.service.service import Service

_KINDS = ("user", "agent", "skill")
_NAMELESS = "file"
_MAX_PARTS = 2 * MAX_FILES
_MAX_FIELD = 1024  # bytes

# What came of each file of an upload, under its name.
_Received = Iterator[tuple[str, Upload | RequestError]]


def add_files(routes: Blueprint, service: Service, auth: Auth) -> None:
    @routes.post("/upload")
    def upload() -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            return jsonify(_receive_all(service.uploads.of(owner)))

    @routes.post("/upload/batch")
    def upload_batch() -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            return _receive_each(service.uploads.of(owner))

    @routes.get("/download/<session_id>/<file_id>")
    def download_file(session_id: str, file_id: str) -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            file = _checked(file_id, "fileId"), _checked(session_id, "session_id")
            return _download(*service.uploads.of(owner).open(*file))

    @routes.get("/files/<session_id>")
    def files(session_id: str) -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            found = service.uploads.of(owner).all(_checked(session_id, "session_id"))
            if not found:
                raise UploadNotFound(session_id)
            describe = _DETAILS.get(request.args.get("detail", ""), _simple)
            return jsonify([describe(each) for each in found])

    @routes.get("/sessions/<session_id>/objects/<file_id>")
    def find_file(session_id: str, file_id: str) -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            file = _checked(file_id, "fileId"), _checked(session_id, "session_id")
            return jsonify(_metadata(service.uploads.of(owner).find(*file)))

    @routes.delete("/files/<session_id>/<file_id>")
    def delete(session_id: str, file_id: str) -> Response:
        with auth.granted(request, more=(api_key(request),)) as owner:
            file = _checked(file_id, "fileId"), _checked(session_id, "session_id")
            service.uploads.of(owner).delete(*file)
            return jsonify(
                message="File deleted successfully", session_id=session_id, fileId=file_id
            )


def _checked(text: str, name: str) -> str:
    if not is_id(text):
        raise RequestError(f"{name} must be an id: 21 letters, digits, _ and -")
    return text


# Uploads


def _receive_all(uploads: ClientUploads) -> dict[str, Any]:
    """Store all files of a body, or none."""
    group = random_id()
    stored: list[Upload] = []
    try:
        for _, received in _receive(uploads, group):
            if isinstance(received, RequestError):
                raise received  # noqa: TRY301
            stored.append(received)
    except BaseException:
        for each in stored:
            uploads.delete(each.id, group)
        raise
    if not stored:
        raise RequestError("The body has no file: it needs a part with a file name")
    return _groups(group) | {
        "message": "success",
        "files": [{"fileId": each.id, "filename": each.name} for each in stored],
    }


def _receive_each(uploads: ClientUploads) -> Response:
    """Store as many files of a body as can be."""
    group = random_id()
    files = []
    for name, received in _receive(uploads, group):
        if isinstance(received, RequestError):
            files.append({"status": "error", "filename": name, "error": str(received)})
        else:
            files.append({"status": "success", "filename": name, "fileId": received.id})
    if not files:
        raise RequestError("The body has no file: it needs a part with a file name")
    succeeded = sum(each["status"] == "success" for each in files)
    messages = {len(files): "success", 0: "error"}
    reply: dict[str, Any] = _groups(group) | {
        "message": messages.get(succeeded, "partial_success"),
        "files": files,
        "succeeded": succeeded,
        "failed": len(files) - succeeded,
    }
    if len(files) > MAX_FILES:
        reply |= {"filesLimitReached": True, "maxFiles": MAX_FILES}
    response = jsonify(reply)
    if not succeeded:
        # Clients read the field `error` of whatever has failed.
        response = jsonify(reply | {"error": files[0]["error"]})
        response.status_code = 400
    return response


def _groups(group: str) -> dict[str, str]:
    # The second is for clients of before 2026.
    return {"storage_session_id": group, "session_id": group}


def _receive(uploads: ClientUploads, group: str) -> _Received:
    """Receive the files of a body one after the other.

    Fields precede the files that they are for. Of all of them only `read_only` matters: a client is
    known by its token.
    """
    if not multipart.is_multipart(request):
        raise RequestError(f"Files are sent as {multipart.TYPE}")
    read_only, count = False, 0
    for part in multipart.read_parts(request, receive_chunks(request), _MAX_PARTS):
        if part.filename is None:
            value = _field(part)
            if part.name == "read_only":
                read_only = value.lower() == "true"
            elif part.name == "kind" and value not in _KINDS:
                raise RequestError(f"kind must be one of {', '.join(_KINDS)}")
            continue
        count += 1
        name = part.filename or _NAMELESS
        try:
            if count > MAX_FILES:
                raise RequestError(f"An upload may have {MAX_FILES} files")  # noqa: TRY301
            name = file_path(name, "The name of a file")
            yield name, uploads.receive(name, part.chunks, group=group, read_only=read_only)
        except RequestError as error:
            yield name, error


def _field(part: Part) -> str:
    value = b""
    for chunk in part.chunks:
        value += chunk
        if len(value) > _MAX_FIELD:
            raise RequestError(f"A field beside the files may have {_MAX_FIELD} bytes")
    return value.decode(errors="replace")


# Descriptions of a file


def _object_name(upload: Upload) -> str:
    return f"{upload.group}/{upload.id}{posixpath.splitext(upload.name)[1]}"


def _content_type(upload: Upload) -> str:
    return mimetypes.guess_type(upload.name)[0] or BINARY


def _last_modified(upload: Upload) -> str:
    stored = datetime.fromtimestamp(upload.stored, UTC)
    return stored.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _simple(upload: Upload) -> str:
    return _object_name(upload)


def _summary(upload: Upload) -> dict[str, Any]:
    return {
        "name": _object_name(upload),
        "size": upload.size,
        "lastModified": _last_modified(upload),
        "etag": upload.id,  # a file never changes
    }


def _full(upload: Upload) -> dict[str, Any]:
    return _summary(upload) | {
        "metadata": {
            "content-type": _content_type(upload),
            "original-filename": upload.name,
            "original-filename-encoded": "none",
        },
        "versionId": None,
        "contentType": _content_type(upload),
    }


def _normalized(upload: Upload) -> dict[str, Any]:
    read_only = {"read_only": True} if upload.read_only else {}
    return read_only | {
        "id": upload.id,
        "name": upload.name,
        "storage_session_id": upload.group,
        "size": upload.size,
        "contentType": _content_type(upload),
        "lastModified": _last_modified(upload),
    }


def _metadata(upload: Upload) -> dict[str, Any]:
    return _summary(upload) | {
        "originalFilename": upload.name,
        "contentType": _content_type(upload),
        "readOnly": upload.read_only,
    }


_DETAILS: dict[str, Callable[[Upload], Any]] = {
    "simple": _simple,
    "summary": _summary,
    "full": _full,
    "normalized": _normalized,
}


# Downloads


def _download(upload: Upload, content: Content) -> Response:
    response = download(content, _content_type(upload))
    # For no browser to show: the name and the bytes are a program's.
    name = quote(upload.name, safe="")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    if upload.read_only:
        response.headers["X-Read-Only"] = "true"
    return response
