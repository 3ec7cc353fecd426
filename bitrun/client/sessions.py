"""Interactive programs, over a WebSocket of the service: `/connect`, or a sandbox's `/terminal`."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from typing import Any, Self

from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.sync.client import ClientConnection, connect

from bitrun.client.calls import read_dropped, read_file, read_verdict
from bitrun.client.errors import BitRunError, Busy, Failed, Refused, Unreachable, Unreadable
from bitrun.client.responses import response_error
from bitrun.client.results import (
    Ended,
    Event,
    Output,
    StageName,
    Started,
    TerminalSize,
    Verdict,
)

CONNECT = "/api/v2/connect"

_FRAME_SIZE = 1 << 20

# Close codes: those of Piston from 4000 on, and those of RFC 6455.
_DONE, _REFUSED = 4999, 4000
_ABNORMAL, _TOO_LARGE, _INTERNAL, _TRY_AGAIN_LATER = 1006, 1009, 1011, 1013


class _Protocol:
    """The messages of a session, without I/O."""

    def __init__(self, url: str, token: str | None, path: str, job: Mapping[str, Any]) -> None:
        self.url = f"ws{url.removeprefix('http')}{path}"
        self.options: dict[str, Any] = {
            "additional_headers": {} if token is None else {"Authorization": f"Bearer {token}"},
            # The service reads no faster than its program, so a pong may take any time; a ping now
            # and then keeps proxies from closing an idle connection.
            "ping_timeout": None,
        }
        self.init = json.dumps({"type": "init", **job})
        self.verdict: Verdict | None = None
        self._stage: StageName = "run"
        self._error: str | None = None
        self._parts: list[str] = []  # of the file that is coming

    def parse(self, message: str | bytes) -> Event | None:
        """Turn a message into an event; None for one that has none."""
        try:
            return self._parse(json.loads(message))
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"What answers at {self.url} is not BitRun") from error

    def check_close(self, closed: ConnectionClosed) -> None:
        """Check the close code of the connection.

        Raises:
            BitRunError: the session did not end normally.
        """
        code = _ABNORMAL if closed.rcvd is None else closed.rcvd.code
        reason = self._error or (closed.rcvd.reason if closed.rcvd else "")
        if code == _DONE:
            return
        if code == _TRY_AGAIN_LATER:
            raise Busy(reason) from closed
        if code == _INTERNAL:
            raise Failed(reason) from closed
        if code >= _REFUSED or code == _TOO_LARGE:
            raise Refused(reason) from closed
        raise Unreachable(f"The connection to {self.url} broke off") from closed

    @contextmanager
    def connection_errors(self) -> Iterator[None]:
        """Translate what websockets raises into a `BitRunError`."""
        try:
            yield
        except InvalidStatus as error:
            raise self._read_error(error) from error
        except (OSError, InvalidURI) as error:
            raise Unreachable(f"{self.url} can't be reached: {error}") from error
        except (InvalidHandshake, WebSocketException) as error:
            raise Unreadable(f"What answers at {self.url} is not BitRun: {error}") from error

    def _parse(self, message: Mapping[str, Any]) -> Event | None:
        match message["type"]:
            case "stage":
                self._stage = message["stage"]
                return Started(self._stage)
            case "data":
                return Output(self._stage, message["stream"], message["data"])
            case "exit":
                self.verdict = read_verdict(message)
                return Ended(self._stage, self.verdict)
            case "file":
                self._parts.append(message["content"])
                if not message["more"]:
                    content, self._parts = "".join(self._parts), []
                    return read_file({**message, "content": content})
            case "file_dropped":
                return read_dropped(message)
            case "error":
                self._error = message.get("detail", message["message"])
        return None

    def _read_error(self, error: InvalidStatus) -> BitRunError:
        response = error.response
        try:
            return response_error(response.status_code, json.loads(response.body), response.headers)
        except (KeyError, TypeError, ValueError):
            return Unreadable(f"What answers at {self.url} is not BitRun: {error}")


def _stdin_message(text: str) -> str:
    return json.dumps({"type": "data", "stream": "stdin", "data": text})


def _signal_message(name: str) -> str:
    return json.dumps({"type": "signal", "signal": name})


def _resize_message(size: TerminalSize) -> str:
    return json.dumps({"type": "resize", "rows": size.rows, "columns": size.columns})


def _pieces(message: str) -> str | list[str]:
    """Split a large message into frames.

    A frame is masked as a whole before its first byte is sent, and `init` must begin in a second.
    """
    if len(message) <= _FRAME_SIZE:
        return message
    return [message[at : at + _FRAME_SIZE] for at in range(0, len(message), _FRAME_SIZE)]


_EOF_MESSAGE = json.dumps({"type": "eof"})


class Session:
    """A running program; iterating over it yields its events until it ends.

    Leaving the context ends the program. Input for a program that has ended is discarded, as in a
    pipe without a reader. Other threads may send while one iterates.
    """

    def __init__(self, url: str, token: str | None, path: str, job: Mapping[str, Any]) -> None:
        self._protocol = _Protocol(url, token, path, job)
        self._open = ExitStack()
        self._connection: ClientConnection

    def write(self, text: str) -> None:
        """Send text to stdin; blocks while the program does not read."""
        self._send(_stdin_message(text))

    def end_input(self) -> None:
        """Close stdin, after what was written before; on a terminal, type Ctrl-D."""
        self._send(_EOF_MESSAGE)

    def resize(self, size: TerminalSize) -> None:
        """Change the size of the program's terminal."""
        self._send(_resize_message(size))

    def signal(self, name: str) -> None:
        """Send a signal, such as "SIGINT", to the process group of the program."""
        self._send(_signal_message(name))

    @property
    def verdict(self) -> Verdict | None:
        """Verdict of the last finished stage, or None."""
        return self._protocol.verdict

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                message = self._connection.recv()
            except ConnectionClosed as closed:
                self._protocol.check_close(closed)
                return
            event = self._protocol.parse(message)
            if event is not None:
                yield event

    def __enter__(self) -> Self:
        with self._protocol.connection_errors():
            connecting = connect(self._protocol.url, **self._protocol.options)
            self._connection = self._open.enter_context(connecting)
        self._send(self._protocol.init)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _send(self, message: str) -> None:
        # Iterating reports the end and its reason.
        with suppress(ConnectionClosed):
            self._connection.send(_pieces(message))


class AsyncSession:
    """A running program, for asyncio; its methods are those of `Session`."""

    def __init__(self, url: str, token: str | None, path: str, job: Mapping[str, Any]) -> None:
        self._protocol = _Protocol(url, token, path, job)
        self._open = AsyncExitStack()
        self._connection: AsyncConnection

    async def write(self, text: str) -> None:
        await self._send(_stdin_message(text))

    async def end_input(self) -> None:
        await self._send(_EOF_MESSAGE)

    async def resize(self, size: TerminalSize) -> None:
        await self._send(_resize_message(size))

    async def signal(self, name: str) -> None:
        await self._send(_signal_message(name))

    @property
    def verdict(self) -> Verdict | None:
        return self._protocol.verdict

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            try:
                message = await self._connection.recv()
            except ConnectionClosed as closed:
                self._protocol.check_close(closed)
                return
            event = self._protocol.parse(message)
            if event is not None:
                yield event

    async def __aenter__(self) -> Self:
        with self._protocol.connection_errors():
            connecting = connect_async(self._protocol.url, **self._protocol.options)
            self._connection = await self._open.enter_async_context(connecting)
        await self._send(self._protocol.init)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def _send(self, message: str) -> None:
        with suppress(ConnectionClosed):
            await self._connection.send(_pieces(message))
