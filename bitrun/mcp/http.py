"""One HTTP request of an agent, answered with one of the SDK's own transports.

The transport is an ASGI application and the service is not. Each request gets a loop and a server
of its own in the thread that serves it: no state is kept between requests, none is needed, and the
milliseconds it costs are few beside a model's.
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.transport_security import TransportSecuritySettings

from bitrun.mcp.server import Runs, make_server

_PATH = "/mcp"
_Message = MutableMapping[str, Any]


@dataclass
class Answer:
    status: int = 500
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def answer(runs: Runs, headers: Iterable[tuple[str, str]], body: bytes, largest: int) -> Answer:
    """Answer a POST whose origin and token are checked already."""
    return anyio.run(_answer, runs, list(headers), body, largest)


async def _answer(runs: Runs, headers: list[tuple[str, str]], body: bytes, largest: int) -> Answer:
    server = make_server(runs)
    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=largest,
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
    given = [{"type": "http.request", "body": body, "more_body": False}]
    got = Answer()

    async def receive() -> _Message:
        if given:
            return given.pop()
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: _Message) -> None:
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = [(key.decode(), value.decode()) for key, value in message["headers"]]
        elif message["type"] == "http.response.body":
            got.body += message.get("body", b"")

    async with server.session_manager.run():
        await app(scope, receive, send)
    return got
