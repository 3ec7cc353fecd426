"""Piston v2 over plain HTTP: runtimes, execute, packages."""

from http import HTTPStatus
from typing import Any, Never

from flask import Blueprint, Response, jsonify, request

from bitrun.access.tokens import Role
from bitrun.api.http.auth import Access, protocol_token
from bitrun.api.http.connection import client
from bitrun.api.http.errors import UpgradeRequired
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.websocket import Disconnected, NoUpgrade, WebSocket
from bitrun.api.piston.body import execute_body
from bitrun.api.piston.build_stream import stream, wants_stream
from bitrun.api.piston.connect import Sessions
from bitrun.api.piston.reply import execute_reply, runtime_reply
from bitrun.api.piston.request import read_request
from bitrun.packages.manager import PackageState
from bitrun.service.service import Service

PREFIXES = {
    "v2": "/api/v2",
    "v2_public": "/api/v2/piston",  # the public instance's, built into many clients
}


def blueprint(service: Service, access: Access, sessions: Sessions, name: str) -> Blueprint:
    routes = Blueprint(name, __name__, url_prefix=PREFIXES[name])
    _add_execute(routes, service, access)
    _add_packages(routes, service, access)
    _add_connect(routes, service, access, sessions)
    return routes


def _add_execute(routes: Blueprint, service: Service, access: Access) -> None:
    @routes.get("/runtimes")
    def runtimes() -> Response:
        return jsonify([runtime_reply(runtime) for runtime in service.runtimes.all()])

    @routes.post("/execute")
    def execute() -> Response:
        with access.granted(request):
            body = execute_body(request)
            runtime, job = read_request(body, service.runtimes, service.settings)
            result = service.runner.run(job, client(request))
        return jsonify(execute_reply(runtime, result))


def _add_packages(routes: Blueprint, service: Service, access: Access) -> None:
    @routes.get("/packages")
    def packages() -> Response:
        return jsonify(
            [_package(state) | {"installed": state.installed} for state in service.packages.all()]
        )

    @routes.post("/packages")
    def install() -> Response:
        with access.granted(request, Role.ADMIN):
            body = parse_object(request.get_data())
            package, build = service.packages.begin_install(
                body.get("language"), body.get("version")
            )
            if not wants_stream(request):
                build.wait()
                return jsonify(_reply(service.packages.state(package)))
        return stream(build, lambda: _reply(service.packages.state(package)))

    @routes.delete("/packages")
    def uninstall() -> Response:
        with access.granted(request, Role.ADMIN):
            body = parse_object(request.get_data())
            state = service.packages.uninstall(body.get("language"), body.get("version"))
        return jsonify(_reply(state))


def _add_connect(routes: Blueprint, service: Service, access: Access, sessions: Sessions) -> None:
    @routes.get("/connect")
    def no_connect() -> Never:
        raise UpgradeRequired

    @routes.get("/connect", websocket=True)
    def connect() -> Response:
        with access.granted(request, more=(protocol_token(request),)):
            try:
                websocket = WebSocket(request.environ, service.settings.max_body)
            except NoUpgrade as error:
                raise UpgradeRequired from error
            except Disconnected:
                return _Served()
            try:
                sessions.serve(websocket)
            finally:
                websocket.hang_up()
        return _Served()


class _Served(Response):
    """What is left to answer on a connection that was a WebSocket: nothing."""

    def __init__(self) -> None:
        super().__init__(status=HTTPStatus.SWITCHING_PROTOCOLS)

    def __call__(self, *_: Any) -> Never:
        self.close()
        raise StopIteration  # gunicorn's sign to close the connection


def _package(state: PackageState) -> dict[str, Any]:
    return {"language": state.package.name, "language_version": state.version}


def _reply(state: PackageState) -> dict[str, Any]:
    return {"language": state.package.name, "version": state.version}
