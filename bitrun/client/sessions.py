"""Programs as terminals, over the service's `/connect`."""

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

from bitrun.client.answers import refused
from bitrun.client.calls import read_verdict
from bitrun.client.errors import BitRunError, Busy, Failed, Refused, Unreachable, Unreadable
from bitrun.client.results import Ended, Event, Output, StageName, Started, Verdict

_DONE, _REFUSED = 4999, 4000
_ABNORMAL, _TOO_LARGE, _INTERNAL, _TRY_AGAIN_LATER = 1006, 1009, 1011, 1013


class _Talk:
    """What is said in a session, without the connection over which it is said."""

    def __init__(self, url: str, token: str | None, job: Mapping[str, Any]) -> None:
        self.url = f"ws{url.removeprefix('http')}/api/v2/connect"
        self.options: dict[str, Any] = {
            "additional_headers": {} if token is None else {"Authorization": f"Bearer {token}"},
            # The service reads no faster than its program, so a pong may take any time; a ping now
            # and then keeps what is in between from closing a silent connection.
            "ping_timeout": None,
        }
        self.init = json.dumps({"type": "init", **job})
        self.verdict: Verdict | None = None
        self._stage: StageName = "run"
        self._complaint: str | None = None

    def hear(self, message: str | bytes) -> Event | None:
        try:
            return self._hear(json.loads(message))
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"What answers at {self.url} is not BitRun") from error

    def end(self, closed: ConnectionClosed) -> None:
        """Return if all went well.

        Raises:
            BitRunError: it did not.
        """
        code = _ABNORMAL if closed.rcvd is None else closed.rcvd.code
        reason = self._complaint or (closed.rcvd.reason if closed.rcvd else "")
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
    def connecting(self) -> Iterator[None]:
        """Turn what websockets raises into an error of ours."""
        try:
            yield
        except InvalidStatus as error:
            raise self._refusal(error) from error
        except (OSError, InvalidURI) as error:
            raise Unreachable(f"{self.url} can't be reached: {error}") from error
        except (InvalidHandshake, WebSocketException) as error:
            raise Unreadable(f"What answers at {self.url} is not BitRun: {error}") from error

    def _hear(self, told: Mapping[str, Any]) -> Event | None:
        match told["type"]:
            case "stage":
                self._stage = told["stage"]
                return Started(self._stage)
            case "data":
                return Output(self._stage, told["stream"], told["data"])
            case "exit":
                self.verdict = read_verdict(told)
                return Ended(self._stage, self.verdict)
            case "error":
                self._complaint = told["message"]
        return None

    def _refusal(self, error: InvalidStatus) -> BitRunError:
        response = error.response
        try:
            return refused(response.status_code, json.loads(response.body), response.headers)
        except (KeyError, TypeError, ValueError):
            return Unreadable(f"What answers at {self.url} is not BitRun: {error}")


def _written(text: str) -> str:
    return json.dumps({"type": "data", "stream": "stdin", "data": text})


def _signalled(name: str) -> str:
    return json.dumps({"type": "signal", "signal": name})


_END_OF_INPUT = json.dumps({"type": "eof"})


class Session:
    """A running program: iterate over it for its events until it is over.

    Leaving its context ends the program, if it has not ended by itself. What is sent to a program
    that is over is lost, as in a pipe that nobody reads. Other threads may send.
    """

    def __init__(self, url: str, token: str | None, job: Mapping[str, Any]) -> None:
        self._talk = _Talk(url, token, job)
        self._open = ExitStack()
        self._connection: ClientConnection

    def write(self, text: str) -> None:
        """Give the program more stdin; waits while it reads none."""
        self._send(_written(text))

    def end_input(self) -> None:
        """End the program's stdin, once it has read what was written."""
        self._send(_END_OF_INPUT)

    def signal(self, name: str) -> None:
        """Send a signal, by its name such as SIGINT, to the program's process group."""
        self._send(_signalled(name))

    @property
    def verdict(self) -> Verdict | None:
        """How the last stage ended that has."""
        return self._talk.verdict

    def __iter__(self) -> Iterator[Event]:
        while True:
            try:
                message = self._connection.recv()
            except ConnectionClosed as closed:
                self._talk.end(closed)
                return
            event = self._talk.hear(message)
            if event is not None:
                yield event

    def __enter__(self) -> Self:
        with self._talk.connecting():
            connecting = connect(self._talk.url, **self._talk.options)
            self._connection = self._open.enter_context(connecting)
        self._send(self._talk.init)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _send(self, message: str) -> None:
        # Iterating tells that it is over, and why.
        with suppress(ConnectionClosed):
            self._connection.send(message)


class AsyncSession:
    """A running program, for asyncio; its methods are those of `Session`."""

    def __init__(self, url: str, token: str | None, job: Mapping[str, Any]) -> None:
        self._talk = _Talk(url, token, job)
        self._open = AsyncExitStack()
        self._connection: AsyncConnection

    async def write(self, text: str) -> None:
        await self._send(_written(text))

    async def end_input(self) -> None:
        await self._send(_END_OF_INPUT)

    async def signal(self, name: str) -> None:
        await self._send(_signalled(name))

    @property
    def verdict(self) -> Verdict | None:
        return self._talk.verdict

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            try:
                message = await self._connection.recv()
            except ConnectionClosed as closed:
                self._talk.end(closed)
                return
            event = self._talk.hear(message)
            if event is not None:
                yield event

    async def __aenter__(self) -> Self:
        with self._talk.connecting():
            connecting = connect_async(self._talk.url, **self._talk.options)
            self._connection = await self._open.enter_async_context(connecting)
        await self._send(self._talk.init)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def _send(self, message: str) -> None:
        with suppress(ConnectionClosed):
            await self._connection.send(message)
