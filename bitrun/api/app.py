"""The Flask application: the dialects, and the hooks that all of them share."""

from flask import Flask, request

from bitrun.api import dialects, health, piston, playground
from bitrun.api.http import cors, errors, origin, request_log, unknown_fields
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import set_timeout
from bitrun.api.openapi import routes as openapi
from bitrun.service.collectors import body_memory_collector
from bitrun.service.service import Service


def create_app(service: Service) -> Flask:
    app = Flask(__name__, static_folder=None)
    settings = service.settings
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.url_map.strict_slashes = False
    request_log.register(app, service)
    unknown_fields.register(app)
    auth = Auth(service.configuration, service.rate_limits)
    bodies = Bodies(settings)
    service.metrics.add_collector(
        body_memory_collector(lambda: bodies.budget.used, bodies.budget.total)
    )

    @app.before_request
    def set_connection_timeout() -> None:
        set_timeout(request)

    if not auth.needs_token:
        _refuse_other_sites(app, check_host=not settings.let_anyone_run_code)

    app.register_blueprint(health.blueprint(service, auth))
    served = dialects.named(settings.dialects)
    app.register_blueprint(openapi.blueprint(served))
    for dialect in served:
        dialect.register(app, service, auth, bodies)
        if auth.needs_token and settings.cors_origin:
            cors.register(
                app,
                settings.cors_origin,
                dialect.owns,
                dialect.exposed_headers,
                dialect.allowed_headers,
            )
    playground.register(app, service, auth, is_on=settings.playground and piston.DIALECT in served)
    errors.register(app, dialects.errors_for)
    return app


def _refuse_other_sites(app: Flask, *, check_host: bool) -> None:
    @app.before_request
    def refuse_other_sites() -> None:
        # A proxy at the other end of a Unix socket writes a Host of its own.
        if check_host and request.remote_addr:
            origin.check_host(request)
        origin.check_origin(request)
