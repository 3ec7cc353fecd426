"""Passes a request on to another node of the cluster, and its reply back byte by byte.

So a stream of lines, a large file and a WebSocket need no code of their own, and the other node
checks the token, counts the request and ends the work when the client hangs up, as for a client of
its own.
"""

import contextlib
import json
import socket
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response

from bitrun.api.http.auth import GRANTED
from bitrun.api.http.body import receive_chunks
from bitrun.api.http.request_log import HEADER as REQUEST_ID_HEADER
from bitrun.api.http.upgrade import Served
from bitrun.model.errors import ClientDisconnected, NodeUnavailable
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll
from bitrun.telemetry import request_context

# Says which node has passed a request on; it is passed on once only.
HEADER = "X-Bitrun-Node"

_CONNECT_SECONDS = 2.0
_IO_SECONDS = 10.0  # without a byte that the other end takes
_CHUNK = 1 << 16
_MAX_ASKED_AT_ONCE = 16
_STATUS_SIZE = 12  # of "HTTP/1.1 200"

# Of one connection, not of the request (RFC 9110, 7.6.1), or written anew.
_NOT_PASSED_ON = frozenset(
    ("CONNECTION", "EXPECT", "KEEP_ALIVE", "PROXY_AUTHORIZATION", "PROXY_CONNECTION", "TE",
     "TRAILER", "TRANSFER_ENCODING", "UPGRADE", "X_BITRUN_NODE", "X_FORWARDED_FOR", "X_REQUEST_ID")
)  # fmt: skip


def pass_on(request: Request, url: str | None, own: str) -> Response:
    """Send a request to the node at `url`, from the node `own`, and its reply to the client.

    The reply to a request that is part of another one is returned as a whole.

    Raises:
        NodeUnavailable: it can't be reached, or hung up before its reply.
        ClientDisconnected: the client hung up before the reply.
    """
    if url is None:
        raise NodeUnavailable("it has no address")
    if GRANTED in request.environ:
        return _answered(request, url, own)
    client: socket.socket = request.environ["gunicorn.socket"]
    try:
        with _connected(url) as node:
            node.sendall(_head(request, own))
            with contextlib.suppress(ConnectionError):  # a refusal may come before the whole body
                for piece in _body(request):
                    node.sendall(piece)
            first = _first_bytes(node, client)
            status = int(first[9:_STATUS_SIZE])
            client.settimeout(_IO_SECONDS)
            with contextlib.suppress(OSError):  # the status was sent
                client.sendall(first)
                _relay(node, client, in_both=status == HTTPStatus.SWITCHING_PROTOCOLS)
    except (OSError, ValueError) as error:
        raise NodeUnavailable(str(error)) from error
    return Served(status)


def _answered(request: Request, url: str, own: str) -> Response:
    try:
        with _connected(url) as node:
            connection = HTTPConnection(urlsplit(url).netloc)
            connection.sock = node
            target, headers = request.environ["RAW_URI"], _as_text(_headers(request, own))
            connection.request(request.method, target, request.get_data(), headers)
            _wait_for_reply(node, request.environ["gunicorn.socket"])
            node.settimeout(None)  # the lines of a command come as they come
            with connection.getresponse() as reply:
                return Response(
                    reply.read(), reply.status, content_type=reply.headers["Content-Type"]
                )
    except (OSError, HTTPException, ValueError) as error:
        raise NodeUnavailable(str(error)) from error


def ask_all(request: Request, urls: Collection[str], own: str) -> list[Any]:
    """Ask other nodes the same at once; return the JSON of those that answer with 200 in time."""
    headers = _as_text(_headers(request, own))
    target = request.environ["RAW_URI"]

    def ask(url: str) -> Any:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=_CONNECT_SECONDS)
        try:
            connection.request("GET", target, headers=headers)
            reply = connection.getresponse()
            return json.load(reply) if reply.status == HTTPStatus.OK else None
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()

    if not urls:
        return []
    with ThreadPoolExecutor(min(len(urls), _MAX_ASKED_AT_ONCE)) as threads:
        return [reply for reply in threads.map(ask, urls) if reply is not None]


@contextlib.contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    place = urlsplit(url)
    address = (place.hostname or "", place.port or 80)
    with socket.create_connection(address, timeout=_CONNECT_SECONDS) as node:
        node.settimeout(_IO_SECONDS)
        # A machine that is cut off sends nothing, not even the end of the connection.
        node.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3),
            (socket.TCP_NODELAY, 1),
        ):  # fmt: skip
            node.setsockopt(socket.IPPROTO_TCP, option, value)
        yield node


def _head(request: Request, own: str) -> bytes:
    environ = request.environ
    target = environ["RAW_URI"]
    lines = [f"{request.method} {target} {environ['SERVER_PROTOCOL']}".encode("latin-1")]
    lines += [name + b": " + value for name, value in _headers(request, own)]
    if (protocol := environ.get("HTTP_UPGRADE")) is not None:
        lines += [b"Connection: Upgrade", b"Upgrade: " + protocol.encode("latin-1")]
    else:
        lines.append(b"Connection: close")
    if _is_chunked(request):
        lines.append(b"Transfer-Encoding: chunked")
    return b"\r\n".join([*lines, b"", b""])


def _headers(request: Request, own: str) -> Iterator[tuple[bytes, bytes]]:
    environ = request.environ
    for key, value in environ.items():
        name = key.removeprefix("HTTP_")
        if (name != key or key in ("CONTENT_TYPE", "CONTENT_LENGTH")) and (
            name not in _NOT_PASSED_ON and value
        ):
            yield name.replace("_", "-").title().encode(), str(value).encode("latin-1")
    hops = [environ.get("HTTP_X_FORWARDED_FOR", ""), request.remote_addr or ""]
    if forwarded := ", ".join(filter(None, hops)):
        yield b"X-Forwarded-For", forwarded.encode("latin-1")
    yield REQUEST_ID_HEADER.encode(), (request_context.request_id() or "").encode()
    yield HEADER.encode(), own.encode()


def _as_text(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _is_chunked(request: Request) -> bool:
    return request.content_length is None and "HTTP_TRANSFER_ENCODING" in request.environ


def _body(request: Request) -> Iterator[bytes]:
    chunked = _is_chunked(request)
    if not chunked and not request.content_length:
        return
    for chunk in receive_chunks(request):
        yield b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk
    if chunked:
        yield b"0\r\n\r\n"


def _first_bytes(node: socket.socket, client: socket.socket) -> bytes:
    _wait_for_reply(node, client)
    first = b""
    while len(first) < _STATUS_SIZE:
        piece = node.recv(_CHUNK)
        if not piece:
            raise ConnectionResetError("it hung up before its reply")
        first += piece
    return first


def _wait_for_reply(node: socket.socket, client: socket.socket) -> None:
    """Wait for a reply as long as the client does."""
    if node.fileno() not in poll({node: READABLE, client: HUNG_UP}):
        raise ClientDisconnected


def _relay(node: socket.socket, client: socket.socket, *, in_both: bool) -> None:
    """Send what the node sends to the client, and `in_both` directions, until one hangs up."""
    wanted: dict[Pollable, int] = {node: READABLE, client: READABLE if in_both else HUNG_UP}
    while True:
        ready = poll(wanted)
        for source, sink in ((node, client), (client, node)):
            if source.fileno() in ready:
                data = source.recv(_CHUNK) if in_both or source is node else b""
                if not data:
                    return
                sink.sendall(data)
