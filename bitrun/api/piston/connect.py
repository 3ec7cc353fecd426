"""Piston's `/connect`: a program as a terminal, over a WebSocket.

One thread serves a session. It waits with poll() on the client and on the box at once, and reads
from neither what the other has no room for.
"""

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bitrun.api.http.errors import sentence
from bitrun.api.http.json_body import parse_object
from bitrun.api.http.websocket import Disconnected, WebSocket
from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.request import read_request
from bitrun.execution.runner import BACKSTOP_CHECK_MS
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import RequestError, ServiceError, SessionEnded
from bitrun.model.job import Stage
from bitrun.model.poll import HUNG_UP, READABLE, poll
from bitrun.model.result import Stream
from bitrun.model.signals import SIGNAL_NUMBERS
from bitrun.service.service import Service

_INIT_SECONDS = 1.0
_STDIN_BACKLOG = 1 << 20  # bytes the program has not read, above which the client waits
_INTERNAL_ERROR, _TRY_AGAIN_LATER = 1011, 1013  # IANA's registry of close codes

_log = logging.getLogger(__name__)


class Closed(SessionEnded):
    """The session ends with one of Piston's close codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sessions:
    """All sessions of a worker, never more than `most` at once."""

    def __init__(self, service: Service, most: int) -> None:
        self._service = service
        self._places = threading.BoundedSemaphore(most)

    def serve(self, websocket: WebSocket) -> None:
        """Serve one client from the accepted upgrade to the close."""
        metrics = self._service.metrics
        if not self._places.acquire(blocking=False):
            metrics.sessions_rejected.inc()
            websocket.close(_TRY_AGAIN_LATER, "Too many sessions")
            return
        try:
            with metrics.sessions.track_inprogress():
                _Terminal(self._service, websocket).serve()
        except Closed as closed:
            websocket.close(closed.code, closed.reason)
        except Disconnected:
            pass  # leaving the box has ended the run
        except Exception:  # noqa: BLE001
            # The connection speaks HTTP no more, so an HTTP error is no way out.
            _log.exception("A session has failed")
            websocket.close(_INTERNAL_ERROR, "Internal Error")
        finally:
            self._places.release()


class _Terminal:
    def __init__(self, service: Service, websocket: WebSocket) -> None:
        self._service = service
        self._websocket = websocket
        self._waiting: list[dict[str, Any]] = []  # messages for the program, not yet handed on

    def serve(self) -> None:
        with self._reporting():
            body = self._await_init()
            runtime, job = read_request(
                body, self._service.runtimes, self._service.settings, interactive=True
            )
            with self._service.runner.open(job, ClientConnection(self._websocket)) as session:
                self._send(type="runtime", language=runtime.language.name, version=runtime.version)
                for stage in session.stages():
                    self._run(session, stage)
        raise Closed(4999, "Job Completed")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except RequestError as fault:
            self._send(type="error", message=str(fault))
            raise Closed(4002, "Notified Error") from fault
        except ServiceError as fault:
            _log.error("A session has failed: %s", fault)
            self._send(type="error", message=sentence(fault))
            raise Closed(_INTERNAL_ERROR, "Internal Error") from fault

    def _await_init(self) -> Mapping[str, Any]:
        deadline = time.monotonic() + _INIT_SECONDS
        while True:
            left_ms = (deadline - time.monotonic()) * 1000
            if left_ms <= 0 or not poll({self._websocket: READABLE}, left_ms):
                raise Closed(4001, "Initialization Timeout")
            messages = self._receive()
            for position, message in enumerate(messages):
                if message.get("type") == "init":
                    self._keep(messages[position + 1 :])
                    return message
                if message.get("type") in ("data", "signal", "eof"):
                    raise Closed(4003, "Not yet initialized")

    def _run(self, session: Session, stage: Stage) -> None:
        interactive = stage.name == "run"
        self._send(type="stage", stage=stage.name)
        session.start(stage, interactive=interactive)
        decoders = {stream: new_decoder() for stream in Stream}
        while session.verdict is None:
            if interactive:
                self._hand_on(session)
            box_is_ready, client_is_ready = self._wait(session)
            if client_is_ready:
                self._keep(self._receive())
            if box_is_ready:
                for stream, data in session.receive_ready():
                    self._send_data(stream, decoders[stream].decode(data))
        for stream, decoder in decoders.items():
            self._send_data(stream, decoder.decode(b"", final=True))
        self._send(type="exit", stage=stage.name, **verdict_reply(session.verdict))

    def _wait(self, session: Session) -> tuple[bool, bool]:
        """Wait until there is something to do; whether the box, and whether the client, is ready.

        Raises:
            Disconnected: the client has hung up.
        """
        # A client whose program does not read is not read from; but its end is noticed.
        backlog = session.unread + sum(map(_size, self._waiting))
        full = backlog > _STDIN_BACKLOG
        client_events = HUNG_UP if full else HUNG_UP | READABLE
        ready = poll({session: READABLE, self._websocket: client_events}, BACKSTOP_CHECK_MS)
        client = ready.get(self._websocket.fileno(), 0)
        if full and client:
            raise Disconnected
        # Nothing for so long: let the conversation look at its backstop.
        return session.fileno() in ready or not ready, bool(client)

    def _keep(self, messages: Iterable[dict[str, Any]]) -> None:
        self._waiting += filter(_is_for_program, messages)

    def _hand_on(self, session: Session) -> None:
        for message in self._waiting:
            match message["type"]:
                case "data":
                    session.write(message["data"].encode("utf-8", "replace"))
                case "signal":
                    session.signal(SIGNAL_NUMBERS[message["signal"]])
                case "eof":
                    session.end_stdin()
        self._waiting.clear()

    def _receive(self) -> list[dict[str, Any]]:
        return [parse_object(text) for text in self._websocket.receive()]

    def _send_data(self, stream: Stream, text: str) -> None:
        if text:
            self._send(type="data", stream=stream, data=text)

    def _send(self, **message: Any) -> None:
        self._websocket.send(json.dumps(message))


def _is_for_program(message: Mapping[str, Any]) -> bool:
    """Check a message that may come while a program runs; unknown ones are ignored."""
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
        case "eof":
            pass
        case _:
            return False
    return True


def _size(message: Mapping[str, Any]) -> int:
    """Tell roughly what a message takes while it waits for the stage it is for."""
    return 100 + len(message.get("data", ""))
