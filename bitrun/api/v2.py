"""Piston v2 over plain HTTP: runtimes, execute, packages."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from bitrun.api.json_body import parse_object
from bitrun.api.tokens import bearer_token, token_is_valid
from bitrun.api.v2_reply import execute_reply, runtime_reply
from bitrun.api.v2_request import read_request
from bitrun.faults import TokenRefused
from bitrun.packages import PackageState
from bitrun.service import Service

PREFIXES = {
    "v2": "/api/v2",
    "v2_public": "/api/v2/piston",  # the public instance's, built into many clients
}


def blueprint(service: Service, name: str) -> Blueprint:
    routes = Blueprint(name, __name__, url_prefix=PREFIXES[name])

    def check_token() -> None:
        if not token_is_valid(bearer_token(request), service.settings):
            raise TokenRefused

    @routes.get("/runtimes")
    def runtimes() -> Response:
        return jsonify([runtime_reply(runtime) for runtime in service.runtimes.all()])

    @routes.post("/execute")
    def execute() -> Response:
        check_token()
        body = parse_object(request.get_data())
        runtime, job = read_request(body, service.runtimes, service.settings)
        return jsonify(execute_reply(runtime, service.runner.run(job)))

    @routes.get("/packages")
    def packages() -> Response:
        return jsonify(
            [_package(state) | {"installed": state.installed} for state in service.packages.all()]
        )

    @routes.post("/packages")
    def install() -> Response:
        check_token()
        body = parse_object(request.get_data())
        return jsonify(_reply(service.packages.install(body.get("language"), body.get("version"))))

    @routes.delete("/packages")
    def uninstall() -> Response:
        check_token()
        body = parse_object(request.get_data())
        return jsonify(
            _reply(service.packages.uninstall(body.get("language"), body.get("version")))
        )

    return routes


def _package(state: PackageState) -> dict[str, Any]:
    return {"language": state.package.name, "language_version": state.version}


def _reply(state: PackageState) -> dict[str, Any]:
    return {"language": state.package.name, "version": state.version}
