"""Route of codapi: files and the name of a language in, output out."""

import time

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.codapi.reply import exec_reply
from bitrun.api.codapi.request import find_unknown, read_request
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.json_body import parse_object, require_json
from bitrun.api.http.runs import run_job
from bitrun.service.service import Service
from bitrun.telemetry import request_context

PREFIX = "/codapi"

_MS_PER_SECOND = 1000


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    app.register_blueprint(_blueprint(service, auth, bodies))


def _blueprint(service: Service, auth: Auth, bodies: Bodies) -> Blueprint:
    routes = Blueprint("codapi", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.post("/v1/exec")
    def execute() -> Response:
        started = time.monotonic()
        # The widget sends no headers of its own, but its address may have a query string.
        token = request.args.get("api_token", "")
        with auth.granted(request, more=(token,)) as owner, bodies.read(request) as body:
            require_json(request)
            fields = parse_object(body.take())
            find_unknown(fields).warn()
            runtime, command, job = read_request(fields, service.runtimes, settings)
            del fields
            result = run_job(request, service, owner, body, job)
            milliseconds = round((time.monotonic() - started) * _MS_PER_SECOND)
            run_id = f"{runtime.language.name}_{command}_{request_context.request_id()}"
            return jsonify(exec_reply(result, run_id, milliseconds))

    return routes
