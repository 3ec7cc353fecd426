"""A program as a terminal: a client of Piston's WebSocket."""

import contextlib
import json
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.piston import PREFIXES, request
from tests.support.server import Server

Frame = dict[str, Any]


class Terminal:
    """A client of `/connect`, or of another path with its messages."""

    def __init__(
        self, server: Server, prefix: str = PREFIXES[0], path: str = "/connect", **options: Any
    ) -> None:
        url = f"ws://127.0.0.1:{server.port}{prefix}{path}"
        self._connection = connect(url, compression=None, **options)

    def send(self, **message: Any) -> None:
        self.websocket.send(json.dumps(message))

    def init(self, language: str, *contents: str, **fields: Any) -> None:
        self.send(type="init", **request(language, *contents, **fields))

    def type(self, text: str) -> None:
        self.send(type="data", stream="stdin", data=text)

    def receive(self, timeout: float = 20) -> Frame:
        frame = json.loads(self.websocket.recv(timeout))
        assert isinstance(frame, dict)
        return frame

    def until(self, kind: str) -> list[Frame]:
        """Receive up to and with the next frame of a kind."""
        frames = [self.receive()]
        while frames[-1]["type"] != kind:
            frames.append(self.receive())
        return frames

    def printed(self, text: str) -> None:
        """Wait for this output, of any stream and in any number of pieces."""
        output = ""
        while output != text:
            frame = self.receive()
            if frame["type"] == "data":
                output += frame["data"]
            assert text.startswith(output)

    def rest(self) -> list[Frame]:
        """Receive until the server closes."""
        frames = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                frames.append(self.receive())
        return frames

    @property
    def closed(self) -> tuple[int | None, str | None]:
        return self.websocket.close_code, self.websocket.close_reason

    def __enter__(self) -> Self:
        self.websocket = self._connection.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__(None, None, None)


def shown(frames: list[Frame]) -> str:
    """Return the output in frames, of any stream."""
    return "".join(frame["data"] for frame in frames if frame["type"] == "data")
