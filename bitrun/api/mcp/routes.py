"""`/mcp`: the Model Context Protocol over HTTP, each POST on its own, without a stream."""

from http import HTTPStatus

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from bitrun.api import piston, sandboxes
from bitrun.api.http import errors, origin
from bitrun.api.http.auth import Auth
from bitrun.api.http.body import PARSE_FACTOR, Bodies
from bitrun.api.http.json_body import limit_values
from bitrun.model.errors import CrossOriginRequest
from bitrun.service.service import Service

PREFIX = "/mcp"

# A call of a tool is parsed twice: by the SDK, and as the request that the tool makes of it.
_FACTOR = 2 * PARSE_FACTOR


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    routes = Blueprint("mcp", __name__)
    inner = _inner_app(service, auth, bodies)

    @routes.post(PREFIX)
    def mcp() -> ResponseReturnValue:
        # Their import takes as long as all others together, and most services never need it.
        from bitrun.api.mcp.in_process import InProcess  # noqa: PLC0415
        from bitrun.client import AsyncClient  # noqa: PLC0415
        from bitrun.mcp.http import answer  # noqa: PLC0415

        # The protocol demands this check, with tokens, too. Agents send no Origin.
        if not origin.fits(request):
            raise CrossOriginRequest
        with auth.granted(request), bodies.read(request, _FACTOR) as body:
            raw = body.take()
            limit_values(raw)
            client = AsyncClient(transport=InProcess(inner, request.environ, body.keep_file))
            max_body = service.settings.max_body
            reply = answer(client, request.headers.items(), raw, max_body)
        response = Response(reply.body, reply.status, reply.headers)
        if reply.status >= HTTPStatus.BAD_REQUEST and not response.is_json:
            # The SDK refuses a body that is no JSON-RPC with a bare sentence.
            return jsonify(message=reply.body.decode()), reply.status
        return response

    app.register_blueprint(routes)


def _inner_app(service: Service, auth: Auth, bodies: Bodies) -> Flask:
    """Make the application that the tools are clients of, with the dialects that they need.

    A service may offer none of them to others, except that without sandboxes the tools have none.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_body
    app.url_map.strict_slashes = False
    served = [piston.DIALECT]
    if sandboxes.DIALECT.name in service.settings.dialects:
        served.append(sandboxes.DIALECT)
    for dialect in served:
        dialect.register(app, service, auth, bodies)
    errors.register(
        app, lambda path: next((each for each in served if each.owns(path)), served[0]).errors
    )
    return app
