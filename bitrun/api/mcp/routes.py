"""`/mcp`: the Model Context Protocol over HTTP, each POST on its own, without a stream."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bitrun.api.http import origin
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import client_connection
from bitrun.api.http.json_body import limit_values
from bitrun.model.errors import CrossOriginRequest
from bitrun.service.service import Service

PREFIX = "/mcp"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    routes = Blueprint("mcp", __name__)

    @routes.post(PREFIX)
    def mcp() -> ResponseReturnValue:
        # Their import takes as long as all others together, and most services never need it.
        from bitrun.api.mcp.runs import Runs  # noqa: PLC0415
        from bitrun.mcp.http import answer  # noqa: PLC0415

        # The protocol demands this check, with tokens, too. Agents send no Origin.
        if not origin.fits(request):
            raise CrossOriginRequest
        with auth.granted(request) as owner, bodies.read(request) as body:
            raw = body.take()
            limit_values(raw)
            runs = Runs(service, client_connection(request, owner), body.keep_file)
            max_body = service.settings.max_body
            reply = answer(runs, request.headers.items(), raw, max_body)
        response = Response(reply.body, reply.status, reply.headers)
        if reply.status >= HTTPStatus.BAD_REQUEST and not response.is_json:
            # The SDK refuses a body that is no JSON-RPC with a bare sentence.
            return jsonify(message=reply.body.decode()), reply.status
        return response

    app.register_blueprint(routes)
