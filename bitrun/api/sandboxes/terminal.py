"""The terminal of a sandbox: a WebSocket with the messages of Piston's `/connect`."""

from typing import Never

from flask import Blueprint, Response, request

from bitrun.api.http.auth import Auth, protocol_token
from bitrun.api.http.body import Bodies
from bitrun.api.http.errors import UpgradeRequired
from bitrun.api.http.upgrade import serve_websocket
from bitrun.api.http.websocket import WebSocket
from bitrun.api.piston.interaction import Interaction, Sessions
from bitrun.api.sandboxes.request import TERMINAL_FIELDS, find_unknown, read_terminal_init
from bitrun.service.service import Service

_PATH = "/<sandbox_id>/terminal"


def add_terminal(routes: Blueprint, service: Service, auth: Auth, bodies: Bodies) -> None:
    sessions = Sessions(service)

    @routes.get(_PATH)
    def no_terminal(sandbox_id: str) -> Never:
        # No browser shows why a WebSocket was refused: its page asks here.
        with auth.granted(request) as owner:
            service.sandboxes.find(owner, sandbox_id)
        raise UpgradeRequired

    @routes.get(_PATH, websocket=True)
    def terminal(sandbox_id: str) -> Response:
        with auth.granted(request, more=(protocol_token(request),)) as owner:
            sandbox = service.sandboxes.find(owner, sandbox_id)

            def talk(interaction: Interaction) -> None:
                init = interaction.receive_init()
                unknown = find_unknown(init, TERMINAL_FIELDS)
                job = read_terminal_init(init, sandbox, service.settings)
                with sandbox.terminal(job) as program:
                    interaction.send(type="stage", stage="run", **unknown.reply())
                    interaction.follow(program, "run", interactive=True)

            def serve(websocket: WebSocket) -> None:
                sessions.serve(websocket, talk)

            return serve_websocket(request, service.settings, bodies, serve)
