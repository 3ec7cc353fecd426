"""Routes of sandboxes: create, list, get, delete; commands, programs and files in one.

`background` and `terminal` have those of commands that go on.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http import large_json, ndjson
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies, Body
from bitrun.api.http.connection import client_connection
from bitrun.api.http.download import download
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.streamed import Streamed
from bitrun.api.piston.files import with_uploads
from bitrun.api.piston.reply import execute_reply, stage_reply
from bitrun.api.sandboxes.background import add_background
from bitrun.api.sandboxes.cells import add_cells
from bitrun.api.sandboxes.other_nodes import (
    is_passed_on,
    list_with_other_nodes,
    pass_on_to_other_nodes,
)
from bitrun.api.sandboxes.reply import event_lines, sandbox_reply
from bitrun.api.sandboxes.request import (
    CREATE_FIELDS,
    EXEC_FIELDS,
    RUN_FIELDS,
    find_unknown,
    read_create,
    read_exec,
    read_run,
)
from bitrun.api.sandboxes.terminal import add_terminal
from bitrun.config.settings import Settings
from bitrun.execution.sandboxes.files import SandboxFiles, read_path
from bitrun.execution.sandboxes.sandbox import Sandbox
from bitrun.model.errors import RequestError
from bitrun.model.job import Job
from bitrun.model.result import Result
from bitrun.service.service import Service

PREFIX = "/api/v3/sandboxes"

MODE_HEADER = "X-File-Mode"

_TAR = "application/x-tar"
_DEFAULT_MODE = 0o644
_MAX_MODE = 0o777

_ReadJob = Callable[[dict[str, Any], Sandbox, Settings], Job]


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    routes = Blueprint("sandboxes", __name__, url_prefix=PREFIX)
    pass_on_to_other_nodes(routes, service, auth)
    _add_sandboxes(routes, service, auth, bodies)
    _add_commands(routes, service, auth, bodies)
    add_background(routes, service, auth, bodies)
    add_terminal(routes, service, auth, bodies)
    add_cells(routes, service, auth, bodies)
    _add_files(routes, service, auth, bodies)
    app.register_blueprint(routes)


def _add_sandboxes(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    sandboxes = service.sandboxes

    @routes.post("")
    def create() -> tuple[Response, int]:
        with auth.granted(request) as owner, bodies.read(request) as body:
            fields = parse_object(body.take())
            warnings = find_unknown(fields, CREATE_FIELDS).warn()
            fields = with_uploads(fields, partial(service.uploads.open, owner))
            plan, new_files = read_create(
                fields,
                service.runtimes,
                service.settings,
                may_egress=auth.may_egress(request),
            )
            del fields
            body.keep(sum(len(file.content) for file in new_files))
            with sandboxes.creation(owner, plan, client_connection(request)) as sandbox:
                if new_files:
                    sandbox.write(new_files)
            return jsonify(sandbox_reply(sandbox) | warnings), 201

    @routes.get("")
    def list_own() -> Response:
        if is_passed_on(request):  # another node has counted it
            return jsonify([sandbox_reply(each) for each in sandboxes.of(auth.owner(request))])
        with auth.granted(request) as owner:
            return list_with_other_nodes(
                [sandbox_reply(each) for each in sandboxes.of(owner)], service.nodes
            )

    @routes.get("/<sandbox_id>")
    def get(sandbox_id: str) -> Response:
        with auth.granted(request) as owner:
            return jsonify(sandbox_reply(sandboxes.find(owner, sandbox_id)))

    @routes.delete("/<sandbox_id>")
    def delete(sandbox_id: str) -> Response:
        with auth.granted(request) as owner:
            sandboxes.delete(owner, sandbox_id)
            return jsonify({"id": sandbox_id, "deleted": True})


def _add_commands(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    def answer(
        sandbox_id: str,
        known: frozenset[str],
        read_job: _ReadJob,
        whole: Callable[[Sandbox, Result], dict[str, Any]],
    ) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            sandbox = service.sandboxes.find(owner, sandbox_id)
            body = held.enter_context(bodies.read(request))
            fields = parse_object(body.take())
            warnings = find_unknown(fields, known).warn()
            fields = with_uploads(fields, partial(service.uploads.open, owner))
            job = read_job(fields, sandbox, service.settings)
            del fields
            held.enter_context(service.sandboxes.command())
            body.keep(job.size, job.output_beyond(service.settings.output_limit))
            connection = client_connection(request)
            if ndjson.is_wanted(request):
                events = sandbox.stream(job, connection)
                response = ndjson.stream(ndjson.begin(event_lines(events)))
            else:
                response = large_json.reply(whole(sandbox, sandbox.run(job, connection)) | warnings)
            response.call_on_close(held.pop_all().close)
        return response

    @routes.post("/<sandbox_id>/exec")
    def execute(sandbox_id: str) -> Response:
        def whole(_: Sandbox, result: Result) -> dict[str, Any]:
            return stage_reply(result.last, in_parts=True)

        return answer(sandbox_id, EXEC_FIELDS, read_exec, whole)

    @routes.post("/<sandbox_id>/run")
    def run(sandbox_id: str) -> Response:
        def whole(sandbox: Sandbox, result: Result) -> dict[str, Any]:
            return execute_reply(sandbox.runtime, result, in_parts=True)

        return answer(sandbox_id, RUN_FIELDS, read_run, whole)


def _add_files(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    path_of_file = "/<sandbox_id>/files/<path:path>"

    def files(owner: str | None, sandbox_id: str) -> SandboxFiles:
        sandbox = service.sandboxes.find(owner, sandbox_id)
        return SandboxFiles(sandbox, service.settings, client_connection(request))

    @routes.get("/<sandbox_id>/files", defaults={"path": ""})
    @routes.get(path_of_file)
    def read_file(sandbox_id: str, path: str) -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            body = held.enter_context(bodies.read(request))
            held.enter_context(service.sandboxes.command())
            response = _read(files(owner, sandbox_id), path, body)
            response.call_on_close(held.pop_all().close)
        return response

    @routes.put("/<sandbox_id>/files", defaults={"path": ""})
    @routes.put(path_of_file)
    def write_file(sandbox_id: str, path: str) -> Response:
        with auth.granted(request) as owner, service.sandboxes.command():
            found = files(owner, sandbox_id)
            with bodies.read(request) as body:
                content = body.take()
                body.keep(len(content))
                if request.mimetype == _TAR:
                    found.unpack(read_path(path), content)
                else:
                    found.write(_file_path(path), content, _read_mode(request.args.get("mode")))
            return jsonify({"path": read_path(path), "size": len(content)})

    @routes.delete(path_of_file)
    def delete_file(sandbox_id: str, path: str) -> Response:
        with auth.granted(request) as owner, service.sandboxes.command():
            files(owner, sandbox_id).delete(_file_path(path))
            return jsonify({"path": read_path(path), "deleted": True})


def _read(files: SandboxFiles, path: str, body: Body) -> Response:
    normal = read_path(path)
    if request.accept_mimetypes.best_match(["application/json", _TAR]) == _TAR:
        return Streamed(files.pack(normal), content_type=_TAR)
    file = None if normal == "." or path.endswith("/") else files.read(normal, body.keep_file)
    if file is None:
        return jsonify(
            {
                "path": normal,
                "entries": [
                    asdict(entry) | {"mode": f"{entry.mode:04o}"} for entry in files.list(normal)
                ],
            }
        )
    response = download(file.content)
    response.headers[MODE_HEADER] = f"{file.mode:04o}"
    response.make_conditional(request, accept_ranges=True, complete_length=len(file.content))
    return response


def _file_path(path: str) -> str:
    normal = read_path(path)
    if normal == "." or path.endswith("/"):
        raise RequestError("The path of a file is required, such as files/data/in.csv")
    return normal


def _read_mode(text: str | None) -> int:
    if text is None:
        return _DEFAULT_MODE
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= _MAX_MODE:
        raise RequestError("mode must be permissions in octal, such as 755")
    return mode
