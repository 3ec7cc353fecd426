"""The Flask application: the dialects, and the hooks that all of them share."""

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from bitrun.access.rate_limits import RateLimits
from bitrun.api import health, playground
from bitrun.api.dialects import DIALECTS, errors_for
from bitrun.api.http import errors, request_log
from bitrun.api.http.auth import Auth
from bitrun.api.http.connection import set_timeout
from bitrun.api.openapi import routes as openapi
from bitrun.service.service import Service


def create_app(service: Service) -> Flask:
    app = Flask(__name__, static_folder=None)
    limit = service.settings.max_body
    app.config["MAX_CONTENT_LENGTH"] = limit
    app.config["MAX_FORM_MEMORY_SIZE"] = limit  # a single field may be the whole body
    app.url_map.strict_slashes = False
    request_log.register(app, service)
    auth = Auth(service.configuration, RateLimits(service.settings))
    app.register_blueprint(health.blueprint(service, auth))
    app.register_blueprint(openapi.blueprint())
    for dialect in DIALECTS:
        dialect.register(app, service, auth)
    playground.register(app, service, auth)
    errors.register(app, errors_for)

    @app.before_request
    def set_connection_timeout() -> None:
        set_timeout(request)

    @app.before_request
    def reject_truncated_body() -> None:
        # werkzeug silently cuts a body without a Content-Length at the limit.
        if (
            request.content_length is None
            and len(request.get_data()) == limit
            and request.environ["wsgi.input"].read(1)
        ):
            raise RequestEntityTooLarge

    return app
