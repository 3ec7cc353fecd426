"""The contents API: the files of all kernels of a client, each below the id of its kernel."""

import posixpath
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.http import large_json
from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.connection import client_connection
from bitrun.api.http.download import download
from bitrun.api.http.json_body import encode_text, parse_object
from bitrun.api.jupyter.access import Access
from bitrun.api.jupyter.errors import AlreadyThere
from bitrun.api.jupyter.file_model import (
    EMPTY_NOTEBOOK,
    Wanted,
    entry_model,
    file_model,
    folder_model,
    is_notebook,
    read_content,
    read_wanted,
)
from bitrun.api.jupyter.registry import OwnKernel, Registry
from bitrun.execution.sandboxes.files import SandboxFiles, read_path
from bitrun.model.errors import Busy, RequestError, SandboxFileNotFound
from bitrun.service.service import Service

_MODE = 0o644
_FIRST_CHUNK = 1

_UNTITLED = {"notebook": ("Untitled", ".ipynb"), "directory": ("Untitled Folder", "")}


@dataclass(frozen=True, slots=True)
class _Place:
    """A path below a kernel: `path` is relative to its work directory, "." that itself."""

    kernel: OwnKernel
    files: SandboxFiles
    path: str

    def full(self, path: str | None = None) -> str:
        """Return a path as clients name it."""
        path = self.path if path is None else path
        return self.kernel.id if path == "." else f"{self.kernel.id}/{path}"

    def model(self) -> dict[str, Any]:
        """Return the model of what is there, without its content.

        Raises:
            SandboxFileNotFound: nothing is.
        """
        entry = self.files.find(self.path)
        if entry is None:
            raise SandboxFileNotFound(self.path)
        return entry_model(self.full(), entry)

    def at(self, path: str) -> "_Place":
        return _Place(self.kernel, self.files, path)


class _Places:
    """Finds what paths of requests name."""

    def __init__(self, service: Service, registry: Registry) -> None:
        self._settings = service.settings
        self._registry = registry

    def kernels(self, owner: str | None) -> list[OwnKernel]:
        return self._registry.of(owner)

    def find(self, owner: str | None, path: str) -> _Place:
        """Return the place of a path.

        Raises:
            NoSuchKernel: it begins with no kernel of the client.
            RequestError: it can't be used.
        """
        kernel_id, _, rest = path.strip("/").partition("/")
        if not kernel_id:
            raise RequestError("The root has the folders of kernels only: start with a kernel's id")
        kernel = self._registry.find(owner, kernel_id)
        files = SandboxFiles(kernel.sandbox, self._settings, client_connection(request))
        return _Place(kernel, files, read_path(rest.strip("/")))


def add_contents(
    routes: Blueprint, service: Service, registry: Registry, access: Access, bodies: Bodies
) -> None:
    places = _Places(service, registry)
    _add_reading(routes, service, access, bodies, places)
    _add_writing(routes, service, access, bodies, places)


def _add_reading(
    routes: Blueprint, service: Service, access: Access, bodies: Bodies, places: _Places
) -> None:
    @routes.get("/api/contents", defaults={"path": ""})
    @routes.get("/api/contents/<path:path>")
    def get_content(path: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(access.granted())
            wanted = read_wanted(request.args)
            if not path.strip("/"):
                return jsonify(_root(places.kernels(owner)))
            body = held.enter_context(bodies.read(request))
            held.enter_context(service.sandboxes.command())
            response = large_json.reply(_read(places.find(owner, path), wanted, body))
            response.call_on_close(held.pop_all().close)
        return response

    @routes.get("/files/<path:path>")
    def download_file(path: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(access.granted())
            body = held.enter_context(bodies.read(request))
            held.enter_context(service.sandboxes.command())
            response = download(_content(places.find(owner, path), body))
            response.call_on_close(held.pop_all().close)
        return response


def _add_writing(
    routes: Blueprint, service: Service, access: Access, bodies: Bodies, places: _Places
) -> None:
    @routes.put("/api/contents/<path:path>")
    def save_content(path: str) -> tuple[Response, int]:
        with access.granted() as owner, service.sandboxes.command():
            place = places.find(owner, path)
            with bodies.read(request) as body:
                model, is_new = _save(place, parse_object(body.take()))
            return jsonify(model), 201 if is_new else 200

    @routes.post("/api/contents", defaults={"path": ""})
    @routes.post("/api/contents/<path:path>")
    def create_content(path: str) -> tuple[Response, int]:
        with access.granted() as owner, service.sandboxes.command():
            return jsonify(_create(places.find(owner, path), bodies.read_json(request))), 201

    @routes.patch("/api/contents/<path:path>")
    def rename_content(path: str) -> Response:
        with access.granted() as owner, service.sandboxes.command():
            return jsonify(_rename(places.find(owner, path), bodies.read_json(request)))

    @routes.delete("/api/contents/<path:path>")
    def delete_content(path: str) -> tuple[str, int]:
        with access.granted() as owner, service.sandboxes.command():
            place = places.find(owner, path)
            if place.path == ".":
                raise RequestError("The folder of a kernel goes with it: delete the kernel")
            place.files.delete(place.path)
            return "", 204


def _root(kernels: Iterable[OwnKernel]) -> Mapping[str, Any]:
    now = time.time()
    folders = [
        folder_model(each.id, each.sandbox.last_active_at, ()) | {"content": None, "format": None}
        for each in kernels
    ]
    return folder_model("", now, folders) | {"writable": False}


def _read(place: _Place, wanted: Wanted, body: Body) -> Mapping[str, Any]:
    model = place.model()
    is_folder = model["type"] == "directory"
    if wanted.kind is not None and is_folder != (wanted.kind == "directory"):
        kind = "a folder" if is_folder else "no folder"
        raise RequestError(f"{place.full()} is {kind}, and the request says {wanted.kind}")
    if not is_folder:
        if not (wanted.content or wanted.hash):
            return model
        content = _content(place, body)
        if is_notebook(place.path) and not body.keep_reply(len(content)):
            raise Busy
        return file_model(model, content, wanted)
    if not wanted.content:
        return model
    entries = [
        entry_model(place.full(posixpath.normpath(f"{place.path}/{each.name}")), each)
        for each in place.files.list(place.path)
    ]
    return model | {
        key: folder_model(place.full(), 0, entries)[key] for key in ("content", "format")
    }


def _content(place: _Place, body: Body) -> bytes:
    file = place.files.read(place.path, body.keep_file)
    if file is None:
        raise SandboxFileNotFound(place.path)
    return file.content


def _save(place: _Place, fields: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    if place.path == ".":
        raise RequestError("The path of a file is required, such as KERNEL/data.csv")
    is_new = place.files.find(place.path) is None
    if fields.get("type") == "directory":
        place.files.make_folder(place.path)
    else:
        content = read_content(fields)
        # Large files come in parts: 1, 2, and so on; -1 is the last.
        if fields.get("chunk") in (None, _FIRST_CHUNK):
            place.files.write(place.path, content, _MODE)
        else:
            place.files.append(place.path, content)
    return place.model(), is_new


def _create(place: _Place, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make something new in a folder: empty, or a copy; it gets a name that is free."""
    names = {each.name for each in place.files.list(place.path)}
    source = fields.get("copy_from")
    if source:
        old = _path_in(place, source, "copy_from")
        stem, ending = posixpath.splitext(posixpath.basename(old))
        row = (f"{stem}-Copy{number}{ending}" for number in count(1))
        new = place.at(_join(place.path, _first_free(row, names)))
        place.files.copy(old, new.path)
        return new.model()
    kind, ending = fields.get("type"), fields.get("ext", ".txt")
    if not isinstance(ending, str) or "/" in ending:
        ending = ""
    stem, ending = _UNTITLED.get(str(kind), ("untitled", ending))
    row = (f"{stem}{number or ''}{ending}" for number in count())
    new = place.at(_join(place.path, _first_free(row, names)))
    if kind == "directory":
        place.files.make_folder(new.path)
    else:
        model = {"type": "notebook", "content": dict(EMPTY_NOTEBOOK)} if kind == "notebook" else {}
        place.files.write(new.path, read_content(model), _MODE)
    return new.model()


def _first_free(row: Iterable[str], names: Collection[str]) -> str:
    return next(name for name in row if name not in names)


def _rename(place: _Place, fields: Mapping[str, Any]) -> dict[str, Any]:
    new = place.at(_path_in(place, fields.get("path"), "path"))
    if "." in (place.path, new.path):
        raise RequestError("The folder of a kernel can't be renamed")
    if place.files.find(place.path) is None:
        raise SandboxFileNotFound(place.path)
    if new.path != place.path:
        if place.files.find(new.path) is not None:
            raise AlreadyThere(f"There is {new.full()} already")
        place.files.move(place.path, new.path)
    return new.model()


def _path_in(place: _Place, value: Any, name: str) -> str:
    """Read another path of the same kernel."""
    if not isinstance(value, str):
        raise RequestError(f"{name} is required as a string, a path")
    kernel_id, _, rest = value.strip("/").partition("/")
    if kernel_id != place.kernel.id:
        raise RequestError(f"{name} must be a path of the same kernel, {place.kernel.id}/…")
    return read_path(encode_text(rest, name).decode())


def _join(folder: str, name: str) -> str:
    return read_path(posixpath.join(folder, encode_text(name, "ext").decode()))
