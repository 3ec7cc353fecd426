"""Routes of Jupyter's server: kernels, their specs and WebSockets."""

from typing import Never

from flask import Blueprint, Flask, Response, jsonify, request

from bitrun.api.http.auth import Auth
from bitrun.api.http.body import Bodies
from bitrun.api.http.connection import client_connection
from bitrun.api.http.errors import UpgradeRequired
from bitrun.api.http.upgrade import serve_websocket
from bitrun.api.jupyter.access import TOKEN_PROTOCOL, Access
from bitrun.api.jupyter.channels import Channels
from bitrun.api.jupyter.contents import add_contents
from bitrun.api.jupyter.framing import V1
from bitrun.api.jupyter.registry import Registry
from bitrun.api.jupyter.reply import kernel_reply, spec_reply, specs_reply
from bitrun.api.jupyter.request import read_kernel
from bitrun.api.jupyter.sessions import add_sessions
from bitrun.api.jupyter.times import write_time
from bitrun.service.service import Service

PREFIX = "/jupyter"

# The version of jupyter_server whose API this is, for clients that look at it.
_SERVER_VERSION = "2.17.0"


def register(app: Flask, service: Service, auth: Auth, bodies: Bodies) -> None:
    routes = Blueprint("jupyter", __name__, url_prefix=PREFIX)
    access, registry = Access(auth), Registry(service)
    _add_server(routes, registry, access)
    _add_kernels(routes, service, registry, access, bodies)
    _add_channels(routes, service, registry, access, bodies)
    add_sessions(routes, registry, access, bodies)
    add_contents(routes, service, registry, access, bodies)
    app.register_blueprint(routes)


def _add_server(routes: Blueprint, registry: Registry, access: Access) -> None:
    @routes.get("/api")
    def version() -> Response:
        return jsonify({"version": _SERVER_VERSION})

    @routes.get("/api/status")
    def status() -> Response:
        with access.granted() as owner:
            kernels = [each.kernel for each in registry.of(owner)]
            latest = max((each.last_activity for each in kernels), default=registry.started_at)
            return jsonify(
                {
                    "started": write_time(registry.started_at),
                    "last_activity": write_time(latest),
                    "kernels": len(kernels),
                    "connections": sum(each.connections for each in kernels),
                }
            )

    @routes.get("/api/me")
    def me() -> Response:
        with access.granted() as owner:
            name = owner or "anonymous"
            identity = {"username": name, "name": name, "display_name": name, "initials": None}
            identity |= {"avatar_url": None, "color": None}
            return jsonify({"identity": identity, "permissions": {}})

    @routes.get("/api/kernelspecs")
    def kernel_specs() -> Response:
        with access.granted():
            found = {name: spec for name, (spec, _) in registry.specs().items()}
            return jsonify(specs_reply(found))

    @routes.get("/api/kernelspecs/<name>")
    def kernel_spec(name: str) -> Response:
        with access.granted():
            spec, _ = registry.find_spec(name)
            return jsonify(spec_reply(spec))


def _add_kernels(
    routes: Blueprint, service: Service, registry: Registry, access: Access, bodies: Bodies
) -> None:
    @routes.get("/api/kernels")
    def list_kernels() -> Response:
        with access.granted() as owner:
            return jsonify([kernel_reply(each) for each in registry.of(owner)])

    @routes.post("/api/kernels")
    def create_kernel() -> tuple[Response, int, dict[str, str]]:
        with access.granted() as owner:
            name, environment = read_kernel(bodies.read_json(request))  # many send none
            found = registry.create(owner, name, environment, client_connection(request))
            location = {"Location": f"{PREFIX}/api/kernels/{found.id}"}
            return jsonify(kernel_reply(found)), 201, location

    @routes.get("/api/kernels/<kernel_id>")
    def get_kernel(kernel_id: str) -> Response:
        with access.granted() as owner:
            return jsonify(kernel_reply(registry.find(owner, kernel_id)))

    @routes.delete("/api/kernels/<kernel_id>")
    def delete_kernel(kernel_id: str) -> tuple[str, int]:
        with access.granted() as owner:
            registry.delete(owner, kernel_id)
            return "", 204

    @routes.post("/api/kernels/<kernel_id>/interrupt")
    def interrupt(kernel_id: str) -> tuple[str, int]:
        with access.granted() as owner:
            registry.find(owner, kernel_id).kernel.interrupt()
            return "", 204

    @routes.post("/api/kernels/<kernel_id>/restart")
    def restart(kernel_id: str) -> Response:
        with access.granted() as owner, service.sandboxes.command():
            found = registry.find(owner, kernel_id)
            found.kernel.restart()
            return jsonify(kernel_reply(found))


def _add_channels(
    routes: Blueprint, service: Service, registry: Registry, access: Access, bodies: Bodies
) -> None:
    channels = Channels(service, registry)

    @routes.get("/api/kernels/<kernel_id>/channels")
    def no_channels(kernel_id: str) -> Never:
        with access.granted() as owner:
            registry.find(owner, kernel_id)
            raise UpgradeRequired

    @routes.get("/api/kernels/<kernel_id>/channels", websocket=True)
    def open_channels(kernel_id: str) -> Response:
        with access.granted() as owner:
            found = registry.find(owner, kernel_id)
            return serve_websocket(
                request,
                service.settings,
                bodies,
                lambda websocket: channels.serve(websocket, owner, found),
                protocols=(V1, TOKEN_PROTOCOL),
            )
