"""Interactive runs: a connection that is silent for long."""

import socket
from typing import cast

import pytest

from bitrun.api.http.websocket import Disconnected, WebSocket
from bitrun.api.piston import interaction
from bitrun.api.piston.interaction import Closed, Interaction
from bitrun.model.job import TerminalSize
from bitrun.model.output import Stream
from bitrun.model.result import Verdict


class SilentWebSocket:
    """A client that sends nothing; its connection breaks at the second ping."""

    def __init__(self, *, is_receiving: bool = False) -> None:
        self._socket, self._other = socket.socketpair()
        self.is_receiving = is_receiving
        self.pings = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def keep(self, size: int) -> None:
        pass

    def ping(self) -> None:
        self.pings += 1
        if self.pings == 2:
            raise Disconnected

    def close(self) -> None:
        self._socket.close()
        self._other.close()


class SilentProgram:
    """A program that writes nothing, and does not end."""

    verdict: Verdict | None = None
    unsent_stdin = 0

    def __init__(self) -> None:
        self._socket, self._other = socket.socketpair()
        self.looks = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive_ready(self) -> list[tuple[Stream, bytes]]:
        self.looks += 1
        return []

    def write(self, data: bytes) -> None: ...

    def end_stdin(self) -> None: ...

    def signal(self, number: int) -> None: ...

    def resize(self, size: TerminalSize) -> None: ...

    def close(self) -> None:
        self._socket.close()
        self._other.close()


def test_a_silent_connection_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interaction, "BACKSTOP_CHECK_MS", 10)
    monkeypatch.setattr(interaction, "_PING_SECONDS", 0.05)
    websocket, program = SilentWebSocket(), SilentProgram()
    with pytest.raises(Disconnected):
        Interaction(cast("WebSocket", websocket)).follow(program, "run", interactive=True)
    assert websocket.pings == 2
    assert program.looks >= 4  # not at each look
    websocket.close()
    program.close()


@pytest.mark.parametrize("limit", ["_INIT_PAUSE_SECONDS", "_INIT_ARRIVAL_SECONDS"])
def test_an_init_that_stops_on_its_way_is_given_up(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(interaction, limit, 0.05)
    websocket = SilentWebSocket(is_receiving=True)
    with pytest.raises(Closed, match="Initialization Timeout"):
        Interaction(cast("WebSocket", websocket)).receive_init()
    websocket.close()
