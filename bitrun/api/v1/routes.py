"""Routes of v1: form fields in, the program's plain output and `X-Run-*` headers out."""

import time

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.connection import client_connection
from bitrun.api.v1.fields import read_fields
from bitrun.api.v1.reply import HEADERS, run_reply
from bitrun.api.v1.request import find_language, find_target, read_job
from bitrun.config import catalogue
from bitrun.service.service import Service

PREFIX = "/api/v1"

_EXPOSED_HEADERS = (*HEADERS, "X-Request-Id", "Retry-After")


def register(app: Flask, service: Service, auth: Auth) -> None:
    app.register_blueprint(_blueprint(service, auth))
    origin = service.settings.cors_origin

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Of the application and not of the blueprint, which never sees a request without a route.
        if origin and request.path.startswith(f"{PREFIX}/"):
            _allow_origin(response, origin)
        return response


def _blueprint(service: Service, auth: Auth) -> Blueprint:
    routes = Blueprint("v1", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.post("/run")
    def run() -> Response:
        started = time.perf_counter_ns()
        fields = read_fields(request)
        with auth.granted(request, more=(fields.api_token,)):
            package, language = find_language(fields, service.catalogue)
            target = find_target(
                fields.image,
                package,
                language,
                catalogue=service.catalogue,
                installed=service.installed(),
                allowed_images=settings.allowed_images,
                sealed=service.images.allowed,
            )
            job = read_job(fields, target, settings)
            result = service.runner.run(job, client_connection(request))
        return run_reply(
            result,
            command=fields.command or catalogue.fill(language.command, [fields.filename]),
            content_type=language.format,
            timeout_ms=settings.v1_timeout_ms,
            duration_ns=time.perf_counter_ns() - started,
        )

    @routes.get("/config")
    def config() -> Response:
        installed = service.installed()
        return jsonify(
            {
                extension: {
                    "image": package.image,
                    "command": language.command,
                    "format": language.format,
                    "language": language.name,
                    "package": package.name,
                    "installed": package.id in installed,
                }
                for package, language in service.catalogue.languages()
                for extension in language.extensions
            }
        )

    return routes


def _allow_origin(response: Response, origin: str) -> None:
    """Let pages of this origin read the reply, `X-Run-*` headers included."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED_HEADERS)
