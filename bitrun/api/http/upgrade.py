"""A route that serves a WebSocket: from the request to the end of the connection."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Never

from flask import Request, Response

from bitrun.api.http.body import Bodies
from bitrun.api.http.errors import UpgradeRequired
from bitrun.api.http.websocket import PROTOCOL, Disconnected, NoUpgrade, WebSocket
from bitrun.config.settings import Settings


def serve_websocket(
    request: Request,
    settings: Settings,
    bodies: Bodies,
    serve: Callable[[WebSocket], None],
    protocols: Sequence[str] = (PROTOCOL,),
) -> Response:
    """Accept the upgrade and call `serve`; return the response of a connection that is over.

    `protocols` are the subprotocols that can be spoken, the preferred one first.

    Raises:
        UpgradeRequired: the request asks for no WebSocket.
    """
    with bodies.reserve(request) as reservation:
        try:
            websocket = WebSocket(request.environ, settings.max_body, reservation, protocols)
        except NoUpgrade as error:
            raise UpgradeRequired from error
        except Disconnected:
            return Served()
        try:
            serve(websocket)
        finally:
            websocket.hang_up()
    return Served()


class Served(Response):
    """The response of a connection whose bytes have been sent already, as of a finished WebSocket.

    `status` is what was sent, for the log.
    """

    def __init__(self, status: int = HTTPStatus.SWITCHING_PROTOCOLS) -> None:
        super().__init__(status=status)

    def __call__(self, *_: Any) -> Never:
        self.close()
        raise StopIteration  # makes gunicorn close the connection
