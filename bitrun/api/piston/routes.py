"""Piston v2 over plain HTTP: runtimes, execute, packages."""

from contextlib import ExitStack
from functools import partial
from typing import Any, Never

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from bitrun.access.tokens import Role
from bitrun.api.http import large_json, ndjson
from bitrun.api.http.auth import Auth, protocol_token
from bitrun.api.http.body import Bodies
from bitrun.api.http.errors import UpgradeRequired
from bitrun.api.http.runs import judged_batch, run_job
from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.api.http.upgrade import serve_websocket
from bitrun.api.http.websocket import WebSocket
from bitrun.api.piston.batch_reply import BatchReply
from bitrun.api.piston.batch_request import read_batch
from bitrun.api.piston.body import execute_body, is_understood
from bitrun.api.piston.build_stream import stream
from bitrun.api.piston.connect import connect
from bitrun.api.piston.errors import package_errors
from bitrun.api.piston.files import with_uploads
from bitrun.api.piston.interaction import Sessions
from bitrun.api.piston.output_files import reply_with_files
from bitrun.api.piston.reply import execute_reply, package_reply, runtime_reply
from bitrun.api.piston.request import find_unknown, read_request
from bitrun.api.piston.uploads import add_uploads
from bitrun.packages.manager import PackageState
from bitrun.service.service import Service

PREFIX = "/api/v2"
# The prefix of the public instance, which many clients have built in.
PUBLIC_PREFIX = f"{PREFIX}/piston"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    sessions = Sessions(service)
    for name, prefix in (("piston", PREFIX), ("piston_public", PUBLIC_PREFIX)):
        routes = Blueprint(name, __name__, url_prefix=prefix)
        _add_execute(routes, service, auth, bodies)
        add_uploads(routes, service, auth)
        _add_packages(routes, service, auth, bodies)
        _add_connect(routes, service, auth, bodies, sessions)
        app.register_blueprint(routes)

    @app.before_request
    def require_json() -> None:
        # Before routing: Piston checks unknown paths, too.
        if (
            request.path.startswith(f"{PREFIX}/")
            and request.method not in ("GET", "HEAD", "OPTIONS")
            and not is_understood(request)
        ):
            raise UnsupportedMediaType


def _add_execute(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    @routes.get("/runtimes")
    def runtimes() -> Response:
        return jsonify(
            [runtime_reply(runtime, service.settings) for runtime in service.runtimes.all()]
        )

    @routes.post("/execute")
    def execute() -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            body = held.enter_context(bodies.read(request))
            fields = execute_body(request, body.take())
            warnings = find_unknown(fields).warn()
            fields = with_uploads(fields, partial(service.uploads.open, owner))
            runtime, job = read_request(fields, service.runtimes, service.settings)
            del fields
            result = run_job(request, service, owner, body, job)
            reply = execute_reply(runtime, result, in_parts=True) | warnings
            if job.output_files is None:
                response = large_json.reply(reply)
            else:
                response = reply_with_files(request, reply, result)
            response.call_on_close(held.pop_all().close)
        return response

    @routes.post("/execute/batch")
    def execute_batch() -> Response:
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request))
            body = held.enter_context(bodies.read(request))
            fields = with_uploads(
                execute_body(request, body.take()), partial(service.uploads.open, owner)
            )
            runtime, batch = read_batch(fields, service.runtimes, service.settings)
            del fields
            auth.count_runs(request, len(batch.cases))
            body.keep(batch.size)
            client = auth.client(request)
            judging = judged_batch(request, service, bodies, batch, client=client, owner=owner)
            judged = held.enter_context(judging)
            reply = BatchReply(runtime, judged)
            if ndjson.is_wanted(request):
                response = ndjson.stream(reply.objects())
            else:
                response = large_json.reply(reply.whole(len(batch.cases), body.keep_reply))
            response.call_on_close(held.pop_all().close)
        return response


def _add_packages(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    @routes.get("/packages")
    def packages() -> Response:
        return jsonify([package_reply(state) for state in service.packages.all()])

    @routes.post("/packages")
    def install() -> Response:
        with auth.granted(request, Role.ADMIN):
            name, version, warnings = _named_package(bodies)
            with package_errors(name, version):
                package, build = service.packages.begin_install(name, version)
            if not ndjson.is_wanted(request):
                build.wait()
                return jsonify(_reply(service.packages.state(package)) | warnings)
        return stream(build, lambda: _reply(service.packages.state(package)) | warnings)

    @routes.delete("/packages")
    def uninstall() -> Response:
        with auth.granted(request, Role.ADMIN):
            name, version, warnings = _named_package(bodies)
            with package_errors(name, version):
                state = service.packages.uninstall(name, version)
        return jsonify(_reply(state) | warnings)


def _add_connect(
    routes: Blueprint, service: Service, auth: Auth, bodies: Bodies, sessions: Sessions
) -> None:
    @routes.get("/connect")
    def no_connect() -> Never:
        raise UpgradeRequired

    @routes.get("/connect", websocket=True)
    def connect_client() -> Response:
        with auth.granted(request, more=(protocol_token(request),)) as owner:

            def serve(websocket: WebSocket) -> None:
                sessions.serve(websocket, partial(connect, service, websocket, owner))

            return serve_websocket(request, service.settings, bodies, serve)


def _named_package(bodies: Bodies) -> tuple[Any, Any, dict[str, Any]]:
    """Return the name and the version that a request has, and what its reply has of warnings."""
    found = bodies.read_json(request)
    unknown = UnknownFields()
    unknown.add(found, ("language", "version"))
    return found.get("language"), found.get("version"), unknown.warn()


def _reply(state: PackageState) -> dict[str, Any]:
    return {"language": state.package.name, "version": state.version}
