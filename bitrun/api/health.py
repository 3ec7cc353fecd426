"""Health, readiness and metrics endpoints."""

from http import HTTPStatus

from flask import Blueprint, Request, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.connection import is_local
from bitrun.config.settings import Settings
from bitrun.model.errors import MetricsNotAllowed
from bitrun.service.readiness import ARRIVING, NO_ENGINE, NO_RUNTIME
from bitrun.service.service import Service

_REASONS = {
    NO_ENGINE: "The Docker engine does not answer",
    NO_RUNTIME: "No package is installed. The operator runs: make install",
    ARRIVING: "The packages of the cluster are being pulled from its registry",
}


def blueprint(service: Service, auth: Auth) -> Blueprint:
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return jsonify(alive=True)

    @routes.get("/readyz")
    def readyz() -> Response:
        state = service.readiness.state()
        if not state.missing:
            return jsonify(ready=True, runtimes=state.runtimes, not_installed=state.not_installed)
        reasons = [_REASONS[each] for each in state.missing]
        response = jsonify(ready=False, missing=state.missing, message=". ".join(reasons))
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return response

    @routes.get("/metrics")
    def metrics() -> Response:
        _check_metrics_access(request, auth, service.settings)
        body, content_type = service.metrics.scrape(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return routes


def _check_metrics_access(request: Request, auth: Auth, settings: Settings) -> None:
    if settings.metrics == "open":
        return
    if auth.needs_token:
        auth.check(request)
        return
    if not is_local(request):
        raise MetricsNotAllowed
