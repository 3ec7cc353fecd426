"""Routes of Dify's sandbox: run, the installed libraries, health."""

from typing import Never

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.dify.errors import Refused
from bitrun.api.dify.reply import run_data, success
from bitrun.api.dify.request import FIELDS, find_runtime, read_request
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.runs import run_job
from bitrun.api.http.unknown_fields import read_object
from bitrun.service.service import Service

PREFIX = "/dify"
_SANDBOX = "/v1/sandbox"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    app.register_blueprint(_blueprint(service, auth, bodies))


def _blueprint(service: Service, auth: Auth, bodies: Bodies) -> Blueprint:
    routes = Blueprint("dify", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.get("/health")
    def health() -> Response:
        return jsonify("ok")

    @routes.post(f"{_SANDBOX}/run")
    def run() -> Response:
        with auth.granted(request, more=(_key(),)) as owner, bodies.read(request) as body:
            fields = read_object(request, body.take(), FIELDS)
            job = read_request(fields, service.runtimes, settings)
            del fields
            result = run_job(request, service, owner, body, job)
            return jsonify(success(run_data(result)))

    @routes.get(f"{_SANDBOX}/dependencies")
    @routes.get(f"{_SANDBOX}/dependencies/refresh")
    def dependencies() -> Response:
        with auth.granted(request, more=(_key(),)):
            runtime = find_runtime(request.args.get("language"), service.runtimes)
            libraries = [{"name": name, "version": ""} for name in runtime.package.libraries]
            return jsonify(success({"dependencies": libraries}))

    @routes.post(f"{_SANDBOX}/dependencies/update")
    def update() -> Never:
        with auth.granted(request, more=(_key(),)):
            raise Refused(
                "Libraries are part of the images: the operator adds them to a package and "
                "installs it"
            )

    return routes


def _key() -> str:
    return request.headers.get("X-Api-Key", "")
