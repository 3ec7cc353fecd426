"""The messages of an interactive run over a WebSocket, whatever it runs in.

One thread serves a session. It waits with poll() for the client and the box at once, and reads from
neither more than the other can take.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from bitrun.api.http import errors
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.websocket import Disconnected, WebSocket
from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.terminal import read_terminal
from bitrun.execution.runner import BACKSTOP_CHECK_MS
from bitrun.model.errors import Busy, RequestError, ServiceError, SessionEnded
from bitrun.model.job import StageName, TerminalSize
from bitrun.model.output import Stream
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll
from bitrun.model.result import Verdict
from bitrun.model.signals import SIGNAL_NUMBERS
from bitrun.service.service import Service

_INIT_SECONDS = 1.0  # until `init` begins to arrive
# With its files it may be as large as the body of a request, so it may take as long to arrive.
_INIT_ARRIVAL_SECONDS = 60.0
_INIT_PAUSE_SECONDS = 10.0
_PING_SECONDS = 25.0  # of silence; proxies close a silent connection after a minute
_MAX_BACKLOG = 1 << 20  # unread bytes of stdin, above which nothing is read from the client
_INTERNAL_ERROR, _TRY_AGAIN_LATER = 1011, 1013  # of IANA's registry of close codes
_DONE = 4999
_MESSAGE_OVERHEAD = 100  # bytes, roughly


class Program(Pollable, Protocol):
    """A stage that runs; see `execution.session.Session`."""

    @property
    def verdict(self) -> Verdict | None: ...

    @property
    def unsent_stdin(self) -> int: ...

    def receive_ready(self) -> list[tuple[Stream, bytes]]: ...

    def write(self, data: bytes) -> None: ...

    def end_stdin(self) -> None: ...

    def signal(self, number: int) -> None: ...

    def resize(self, size: TerminalSize) -> None: ...


class Closed(SessionEnded):
    """The session ends with one of Piston's close codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sessions:
    """All sessions of a service, which its limits bound."""

    def __init__(self, service: Service) -> None:
        self._metrics = service.metrics
        self._places = service.limits.sessions

    def serve(self, websocket: WebSocket, talk: Callable[["Interaction"], None]) -> None:
        """Have `talk` serve one client, from the accepted upgrade to the close."""
        if not self._places.acquire(blocking=False):
            self._metrics.sessions_rejected.inc()
            websocket.close(_TRY_AGAIN_LATER, "Too many sessions")
            return
        try:
            with self._metrics.sessions.track_inprogress():
                interaction = Interaction(websocket)
                with interaction.errors_sent():
                    talk(interaction)
            websocket.close(_DONE, "Job Completed")
        except Closed as closed:
            websocket.close(closed.code, closed.reason)
        except Disconnected:
            pass  # leaving the session has ended its program
        except Exception as error:  # noqa: BLE001
            # The connection is no longer HTTP, so Flask's error handler can't answer.
            errors.report(error)
            websocket.close(_INTERNAL_ERROR, "Internal Error")
        finally:
            self._places.release()


class Interaction:
    """The conversation with one client. `kept` are the bytes that its job holds."""

    def __init__(self, websocket: WebSocket) -> None:
        self.kept = 0
        self._websocket = websocket
        self._pending: list[dict[str, Any]] = []  # messages for the program, not yet forwarded
        self._active_at = time.monotonic()  # of one side or the other

    @contextmanager
    def errors_sent(self) -> Iterator[None]:
        """Send the error with which the block ends as a message, and close."""
        try:
            yield
        except RequestError as error:
            sentence = errors.report(error).text(error)
            self.send(type="error", message=sentence, **errors.detail(error))
            raise Closed(4002, "Notified Error") from error
        except Busy as error:
            raise Closed(_TRY_AGAIN_LATER, "No memory for so large a message now") from error
        except ServiceError as error:
            self.send(type="error", message=errors.report(error).text(error))
            raise Closed(_INTERNAL_ERROR, "Internal Error") from error

    def receive_init(self) -> Mapping[str, Any]:
        """Return the first message."""
        started_at = time.monotonic()
        while True:
            is_arriving = self._websocket.is_receiving
            longest = _INIT_ARRIVAL_SECONDS if is_arriving else _INIT_SECONDS
            left = min(started_at + longest - time.monotonic(), _INIT_PAUSE_SECONDS)
            if left <= 0 or not poll({self._websocket: READABLE}, left * 1000):
                raise Closed(4001, "Initialization Timeout")
            messages = self._receive()
            for position, message in enumerate(messages):
                if message.get("type") == "init":
                    self._enqueue(messages[position + 1 :])
                    return message
                if message.get("type") in ("data", "signal", "eof", "resize"):
                    raise Closed(4003, "Not yet initialized")

    def follow(self, program: Program, stage: StageName, *, interactive: bool) -> None:
        """Pass on what a stage and the client have for each other until the verdict, and send it.

        Raises:
            Closed: the client sends what is no message.
            Disconnected: the client has disconnected.
        """
        decoders = {stream: new_decoder() for stream in Stream}
        while program.verdict is None:
            if interactive:
                self._forward(program)
            box_is_ready, client_is_ready = self._wait(program)
            if client_is_ready:
                self._enqueue(self._receive())
            if box_is_ready:
                for stream, data in program.receive_ready():
                    self.send_data(stream, decoders[stream].decode(data))
        for stream, decoder in decoders.items():
            # What a limit of output has cut in two is left out.
            if program.verdict.outcome.value != stream.value:
                self.send_data(stream, decoder.decode(b"", final=True))
        self.send(type="exit", stage=stage, **verdict_reply(program.verdict))

    def send_data(self, stream: Stream, text: str) -> None:
        if text:
            self.send(type="data", stream=stream, data=text)

    def send(self, **message: Any) -> None:
        self._websocket.send(json.dumps(message))

    def _wait(self, program: Program) -> tuple[bool, bool]:
        """Wait for the box or the client; return whether each of the two is ready.

        Raises:
            Disconnected: the client has disconnected.
        """
        # While the program does not read, nothing is read from the client but its disconnect.
        backlog = program.unsent_stdin + sum(map(_size, self._pending))
        self._websocket.keep(self.kept + backlog)
        full = backlog > _MAX_BACKLOG
        client_events = HUNG_UP if full else HUNG_UP | READABLE
        ready = poll({program: READABLE, self._websocket: client_events}, BACKSTOP_CHECK_MS)
        client = ready.get(self._websocket.fileno(), 0)
        if full and client:
            raise Disconnected
        now = time.monotonic()
        if not ready and now - self._active_at >= _PING_SECONDS:
            # It also finds a client that is gone without a word.
            self._websocket.ping()
            self._active_at = now
        if ready:
            self._active_at = now
        # After a time without events the program must check its backstop.
        return program.fileno() in ready or not ready, bool(client)

    def _enqueue(self, messages: Iterable[dict[str, Any]]) -> None:
        self._pending += filter(_is_for_program, messages)

    def _forward(self, program: Program) -> None:
        for message in self._pending:
            match message["type"]:
                case "data":
                    program.write(message["data"].encode("utf-8", "replace"))
                case "signal":
                    program.signal(SIGNAL_NUMBERS[message["signal"]])
                case "eof":
                    program.end_stdin()
                case "resize":
                    program.resize(read_terminal(message))
        self._pending.clear()

    def _receive(self) -> list[dict[str, Any]]:
        return [parse_object(text) for text in self._websocket.receive()]


def _is_for_program(message: Mapping[str, Any]) -> bool:
    """Whether a message is for the program, after checking it; unknown ones are ignored."""
    match message.get("type"):
        case "init":
            raise Closed(4000, "Already Initialized")
        case "data":
            if message.get("stream") != "stdin":
                raise Closed(4004, "Can only write to stdin")
            if not isinstance(message.get("data"), str):
                raise RequestError("data is required as a string")
        case "signal":
            name = message.get("signal")
            if not isinstance(name, str) or name not in SIGNAL_NUMBERS:
                raise Closed(4005, "Invalid signal")
        case "resize":
            read_terminal(message)
        case "eof":
            pass
        case _:
            return False
    return True


def _size(message: Mapping[str, Any]) -> int:
    """Return roughly the memory of a message while it waits for the program."""
    return _MESSAGE_OVERHEAD + len(message.get("data", ""))
