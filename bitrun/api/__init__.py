"""HTTP, and nothing but HTTP: requests become jobs, results become replies."""

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from bitrun.access.rate_limits import Fairness
from bitrun.api import health, playground
from bitrun.api.http import errors, request_log
from bitrun.api.http.auth import Access
from bitrun.api.http.connection import limit_patience
from bitrun.api.mcp import routes
from bitrun.api.openapi import routes
from bitrun.api.piston import routes
from bitrun.api.piston.body import is_understood
from bitrun.api.piston.connect import Sessions
from bitrun.api.v1 import routes
from bitrun.service.service import Service


def create_app(service: Service) -> Flask:
    app = Flask(__name__, static_folder=None)
    limit = service.settings.max_body
    app.config["MAX_CONTENT_LENGTH"] = limit
    app.config["MAX_FORM_MEMORY_SIZE"] = limit  # a form's one field may be all of the body
    app.url_map.strict_slashes = False
    request_log.register(app, service)
    access = Access(service.configuration, Fairness(service.settings))
    app.register_blueprint(health.blueprint(service, access))
    app.register_blueprint(routes.blueprint())
    app.register_blueprint(routes.blueprint(service, access))
    app.register_blueprint(routes.blueprint(service, access))
    sessions = Sessions(service, service.settings.sessions)
    for name in routes.PREFIXES:
        app.register_blueprint(routes.blueprint(service, access, sessions, name))
    playground.register(app, service, access)
    errors.register(app)

    @app.before_request
    def be_patient_for_long_enough() -> None:
        limit_patience(request)

    @app.before_request
    def require_json() -> None:
        # Before routing: Piston answers so on paths it does not know, too.
        if (
            request.path.startswith("/api/v2/")
            and request.method not in ("GET", "HEAD", "OPTIONS")
            and not is_understood(request)
        ):
            raise UnsupportedMediaType

    @app.before_request
    def require_all_of_the_body() -> None:
        # Of a body that does not tell its length, werkzeug keeps what is within the limit.
        if (
            request.content_length is None
            and len(request.get_data()) == limit
            and request.environ["wsgi.input"].read(1)
        ):
            raise RequestEntityTooLarge

    @app.after_request
    def allow_origin(response: Response) -> Response:
        # Here and not in the blueprint, which never sees a request that no route of it fits.
        if service.settings.cors_origin and request.path.startswith("/api/v1/"):
            routes.allow_origin(response, service.settings.cors_origin)
        return response

    return app
