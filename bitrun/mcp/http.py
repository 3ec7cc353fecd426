"""Answers one HTTP request of an agent with the SDK's own transport.

The transport is an ASGI application, and the service is a WSGI application. Each request gets its
own event loop and server, in the thread that serves it. No state has to be kept between requests,
and the milliseconds that this costs are few compared with those of a model.
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.transport_security import TransportSecuritySettings

from bitrun.client import AsyncClient
from bitrun.mcp.server import make_server

_PATH = "/mcp"
_Message = MutableMapping[str, Any]


@dataclass
class Answer:
    status: int = 500
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def answer(
    client: AsyncClient, headers: Iterable[tuple[str, str]], body: bytes, max_body: int
) -> Answer:
    """Answer a POST request whose origin and token have been checked. `max_body` is in bytes."""
    return anyio.run(_answer, client, list(headers), body, max_body)


async def _answer(
    client: AsyncClient, headers: list[tuple[str, str]], body: bytes, max_body: int
) -> Answer:
    server = make_server(client)
    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=max_body,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": _PATH,
        "raw_path": _PATH.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    unread = [{"type": "http.request", "body": body, "more_body": False}]
    result = Answer()

    async def receive() -> _Message:
        if unread:
            return unread.pop()
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: _Message) -> None:
        if message["type"] == "http.response.start":
            result.status = message["status"]
            result.headers = [(key.decode(), value.decode()) for key, value in message["headers"]]
        elif message["type"] == "http.response.body":
            result.body += message.get("body", b"")

    async with server.session_manager.run():
        await app(scope, receive, send)
    return result
