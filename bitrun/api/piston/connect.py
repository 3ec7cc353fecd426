"""Piston's `/connect`: an interactive run over a WebSocket.

One thread serves a session. It waits with poll() for the client and the box at once, and reads from
neither more than the other can take.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from bitrun.api.http import errors
from bitrun.api.http.body import FILE_FACTOR
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.websocket import Disconnected, WebSocket
from bitrun.api.piston.files import with_uploads
from bitrun.api.piston.output_files import dropped_reply, file_messages
from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.request import INIT_FIELDS, find_unknown, read_request
from bitrun.api.piston.terminal import read_terminal
from bitrun.execution.runner import BACKSTOP_CHECK_MS
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, RequestError, ServiceError, SessionEnded
from bitrun.model.job import Stage
from bitrun.model.output import Stream
from bitrun.model.poll import HUNG_UP, READABLE, poll
from bitrun.model.result import StageResult
from bitrun.model.signals import SIGNAL_NUMBERS
from bitrun.service.service import Service

_INIT_SECONDS = 1.0
_MAX_BACKLOG = 1 << 20  # unread bytes of stdin, above which nothing is read from the client
_INTERNAL_ERROR, _TRY_AGAIN_LATER = 1011, 1013  # of IANA's registry of close codes
_MESSAGE_OVERHEAD = 100  # bytes, roughly


class Closed(SessionEnded):
    """The session ends with one of Piston's close codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sessions:
    """All sessions of a service, which its limits bound."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._places = service.limits.sessions

    def serve(self, websocket: WebSocket, owner: str | None) -> None:
        """Serve one client, from the accepted upgrade to the close.

        `owner` is that of the connection, see `ClientConnection`, and of the uploads.
        """
        metrics = self._service.metrics
        if not self._places.acquire(blocking=False):
            metrics.sessions_rejected.inc()
            websocket.close(_TRY_AGAIN_LATER, "Too many sessions")
            return
        try:
            with metrics.sessions.track_inprogress():
                _Terminal(self._service, websocket, owner).serve()
        except Closed as closed:
            websocket.close(closed.code, closed.reason)
        except Disconnected:
            pass  # leaving the session has discarded its box
        except Exception as error:  # noqa: BLE001
            # The connection is no longer HTTP, so Flask's error handler can't answer.
            errors.report(error)
            websocket.close(_INTERNAL_ERROR, "Internal Error")
        finally:
            self._places.release()


class _Terminal:
    def __init__(self, service: Service, websocket: WebSocket, owner: str | None) -> None:
        self._service = service
        self._websocket = websocket
        self._owner = owner
        self._kept = 0  # bytes of the job
        self._pending: list[dict[str, Any]] = []  # messages for the program, not yet forwarded

    def serve(self) -> None:
        with self._errors_sent():
            body = self._receive_init()
            unknown = find_unknown(body, INIT_FIELDS)
            body = with_uploads(body, partial(self._service.uploads.open, self._owner))
            runtime, job = read_request(
                body, self._service.runtimes, self._service.settings, interactive=True
            )
            del body
            self._kept = 2 * job.size  # its files, and its stdin in two copies
            self._websocket.keep(self._kept)
            connection = ClientConnection(self._websocket, self._owner)
            with self._service.runner.open(job, connection) as session:
                self._send(
                    type="runtime",
                    language=runtime.language.name,
                    version=runtime.version,
                    **unknown.reply(),
                )
                if session.compiled is not None:
                    self._send_compiled(session.compiled)
                for stage in session.stages():
                    self._run(session, stage)
                self._send_files(session)
        raise Closed(4999, "Job Completed")

    @contextmanager
    def _errors_sent(self) -> Iterator[None]:
        try:
            yield
        except RequestError as error:
            sentence = errors.report(error).text(error)
            self._send(type="error", message=sentence, **errors.detail(error))
            raise Closed(4002, "Notified Error") from error
        except Busy as error:
            raise Closed(_TRY_AGAIN_LATER, "No memory for so large a message now") from error
        except ServiceError as error:
            self._send(type="error", message=errors.report(error).text(error))
            raise Closed(_INTERNAL_ERROR, "Internal Error") from error

    def _receive_init(self) -> Mapping[str, Any]:
        deadline = time.monotonic() + _INIT_SECONDS
        while True:
            left_ms = (deadline - time.monotonic()) * 1000
            if left_ms <= 0 or not poll({self._websocket: READABLE}, left_ms):
                raise Closed(4001, "Initialization Timeout")
            messages = self._receive()
            for position, message in enumerate(messages):
                if message.get("type") == "init":
                    self._enqueue(messages[position + 1 :])
                    return message
                if message.get("type") in ("data", "signal", "eof", "resize"):
                    raise Closed(4003, "Not yet initialized")

    def _send_compiled(self, compiled: StageResult) -> None:
        self._send(type="stage", stage=compiled.name)
        decoders = {stream: new_decoder() for stream in Stream}
        for stream, data in compiled.streams.pieces():
            self._send_data(stream, decoders[stream].decode(data))
        for stream, decoder in decoders.items():
            self._send_data(stream, decoder.decode(b"", final=True))
        self._send(type="exit", stage=compiled.name, **verdict_reply(compiled.verdict, cached=True))

    def _run(self, session: Session, stage: Stage) -> None:
        interactive = stage.name == "run"
        self._send(type="stage", stage=stage.name)
        session.start(stage, interactive=interactive)
        decoders = {stream: new_decoder() for stream in Stream}
        while session.verdict is None:
            if interactive:
                self._forward(session)
            box_is_ready, client_is_ready = self._wait(session)
            if client_is_ready:
                self._enqueue(self._receive())
            if box_is_ready:
                for stream, data in session.receive_ready():
                    self._send_data(stream, decoders[stream].decode(data))
        for stream, decoder in decoders.items():
            # What a limit of output has cut in two is left out.
            if session.verdict.outcome.value != stream.value:
                self._send_data(stream, decoder.decode(b"", final=True))
        self._send(type="exit", stage=stage.name, **verdict_reply(session.verdict))

    def _send_files(self, session: Session) -> None:
        collected = session.collect(self._keep_file)
        for file in collected.files:
            for message in file_messages(file):
                self._send(**message)
        for dropped in collected.dropped:
            self._send(type="file_dropped", **dropped_reply(dropped))

    def _keep_file(self, size: int) -> bool:
        """Hold memory for a file until the session ends; False without room."""
        try:
            self._websocket.keep(self._kept + FILE_FACTOR * size)
        except Busy:
            return False
        self._kept += FILE_FACTOR * size
        return True

    def _wait(self, session: Session) -> tuple[bool, bool]:
        """Wait for the box or the client; return whether each of the two is ready.

        Raises:
            Disconnected: the client has disconnected.
        """
        # While the program does not read, nothing is read from the client but its disconnect.
        backlog = session.unsent_stdin + sum(map(_size, self._pending))
        self._websocket.keep(self._kept + backlog)
        full = backlog > _MAX_BACKLOG
        client_events = HUNG_UP if full else HUNG_UP | READABLE
        ready = poll({session: READABLE, self._websocket: client_events}, BACKSTOP_CHECK_MS)
        client = ready.get(self._websocket.fileno(), 0)
        if full and client:
            raise Disconnected
        # After a time without events the session must check its backstop.
        return session.fileno() in ready or not ready, bool(client)

    def _enqueue(self, messages: Iterable[dict[str, Any]]) -> None:
        self._pending += filter(_is_for_program, messages)

    def _forward(self, session: Session) -> None:
        for message in self._pending:
            match message["type"]:
                case "data":
                    session.write(message["data"].encode("utf-8", "replace"))
                case "signal":
                    session.signal(SIGNAL_NUMBERS[message["signal"]])
                case "eof":
                    session.end_stdin()
                case "resize":
                    session.resize(read_terminal(message))
        self._pending.clear()

    def _receive(self) -> list[dict[str, Any]]:
        return [parse_object(text) for text in self._websocket.receive()]

    def _send_data(self, stream: Stream, text: str) -> None:
        if text:
            self._send(type="data", stream=stream, data=text)

    def _send(self, **message: Any) -> None:
        self._websocket.send(json.dumps(message))


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
    """Return roughly the memory of a message while it waits for the run stage."""
    return _MESSAGE_OVERHEAD + len(message.get("data", ""))
