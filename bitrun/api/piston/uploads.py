"""The calls for uploads, which `files` of later requests name by their ids."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http import multipart
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import receive_chunks
from bitrun.execution.uploads import ClientUploads, Upload
from bitrun.model.errors import RequestError
from bitrun.service.service import Service

_NAMELESS = "file"
_MAX_PARTS = 16


def add_uploads(routes: Blueprint, service: Service, auth: Auth) -> None:
    @routes.post("/files")
    def upload() -> tuple[Response, int]:
        with auth.granted(request) as owner:
            return jsonify(_reply(_receive(service.uploads.of(owner)))), 201

    @routes.get("/files")
    def uploads() -> Response:
        with auth.granted(request) as owner:
            return jsonify([_reply(each) for each in service.uploads.of(owner).all()])

    @routes.get("/files/<upload_id>")
    def find_upload(upload_id: str) -> Response:
        with auth.granted(request) as owner:
            return jsonify(_reply(service.uploads.of(owner).find(upload_id)))

    @routes.delete("/files/<upload_id>")
    def delete_upload(upload_id: str) -> Response:
        with auth.granted(request) as owner:
            return jsonify(_reply(service.uploads.of(owner).delete(upload_id)))


def _receive(uploads: ClientUploads) -> Upload:
    if not multipart.is_multipart(request):
        name = request.args.get("name") or _NAMELESS
        return uploads.receive(name, receive_chunks(request), request.content_length)
    for part in multipart.read_parts(request, receive_chunks(request), _MAX_PARTS):
        if part.filename is not None:
            received = uploads.receive(part.filename or _NAMELESS, part.chunks)
            break
    else:
        raise RequestError("A multipart body needs a part that is a file")
    return received


def _reply(upload: Upload) -> dict[str, Any]:
    expires = datetime.fromtimestamp(upload.expires, UTC)
    return {
        "id": upload.id,
        "name": upload.name,
        "size": upload.size,
        "expires_at": expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
