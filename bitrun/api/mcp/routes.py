"""`/mcp`: the Model Context Protocol over HTTP, each POST by itself, without a stream."""

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bitrun.api.http.auth import Auth
from bitrun.api.http.connection import client
from bitrun.model.errors import CrossOriginRequest
from bitrun.service.service import Service

PREFIX = "/mcp"


def register(app: Flask, service: Service, auth: Auth) -> None:
    routes = Blueprint("mcp", __name__)

    @routes.post(PREFIX)
    def mcp() -> ResponseReturnValue:
        # They take as long to import as all the rest, and most services never see an agent.
        from bitrun.api.mcp.runs import Runs  # noqa: PLC0415
        from bitrun.mcp.http import answer  # noqa: PLC0415

        _check_origin(request)
        with auth.granted(request):
            runs = Runs(service, client(request))
            largest = service.settings.max_body
            got = answer(runs, request.headers.items(), request.get_data(), largest)
        response = Response(got.body, got.status, got.headers)
        if got.status >= HTTPStatus.BAD_REQUEST and not response.is_json:
            # What is no JSON-RPC at all, the SDK refuses with a bare sentence.
            return jsonify(message=got.body.decode()), got.status
        return response

    app.register_blueprint(routes)


def _check_origin(request: Request) -> None:
    """Refuse other sites' pages, as the protocol demands; agents send no Origin."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise CrossOriginRequest
