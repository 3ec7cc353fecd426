"""Routes of v1: form fields in, the program's plain output and `X-Run-*` headers out."""

import time
from contextlib import ExitStack

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.runs import run_job
from bitrun.api.v1 import token_field
from bitrun.api.v1.fields import read_fields
from bitrun.api.v1.reply import run_reply
from bitrun.api.v1.request import find_language, find_target, read_job
from bitrun.config import catalogue
from bitrun.service.service import Service

PREFIX = "/api/v1"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    app.register_blueprint(_blueprint(service, auth, bodies))


def _blueprint(service: Service, auth: Auth, bodies: Bodies) -> Blueprint:
    routes = Blueprint("v1", __name__, url_prefix=PREFIX)
    settings = service.settings

    @routes.post("/run")
    def run() -> Response:
        started = time.perf_counter_ns()
        with ExitStack() as held:
            owner = held.enter_context(auth.granted(request, more=token_field.tokens(request)))
            body = held.enter_context(bodies.read(request))
            fields, unknown = read_fields(request, body.take())
            unknown.warn()
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
            command = fields.command or catalogue.fill(language.command, [job.files[0].name])
            del fields  # the text of a large program takes up to four times its bytes
            result = run_job(request, service, owner, body, job)
            response = run_reply(
                result,
                command=command,
                media_type=language.format,
                timeout_ms=settings.v1_timeout_ms,
                duration_ns=time.perf_counter_ns() - started,
            )
            response.call_on_close(held.pop_all().close)
        return response

    @routes.get("/config")
    def config() -> Response:
        installed = service.installed()
        return jsonify(
            {
                f".{extension}": {
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
