"""Runs a cell: code for a kernel, and what comes of it."""

import contextlib
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bitrun.execution.kernels.connection import KernelConnection
from bitrun.execution.kernels.kernel import Kernel, KernelState
from bitrun.execution.kernels.message import KernelMessage, count_values
from bitrun.execution.kernels.process import START_SECONDS
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import KernelBusy, RequestError
from bitrun.model.output import Stream

MAX_RESULTS = 8 << 20  # bytes of all results of one cell
_MAX_VALUES = 500_000  # in them, each of which takes up to a hundred bytes of memory

_GRACE_SECONDS = 5.0  # for a kernel to react to an interrupt
_END_OF_FILE = "\x04"  # as the answer to input()


class CellOutcome(StrEnum):
    """How a cell has ended, in one word for every client."""

    OK = "ok"
    ERROR = "error"  # it has raised an error
    WALL_TIME = "wall_time"
    STDOUT = "stdout"  # it has written more to it than it may
    STDERR = "stderr"
    RESULTS = "results"
    DIED = "died"  # its kernel has, or was restarted
    ABORTED = "aborted"  # the kernel has not run it


_MESSAGES = {
    CellOutcome.WALL_TIME: "Time limit exceeded: {wall_ms} ms",
    CellOutcome.STDOUT: "Output limit exceeded: {output} bytes of stdout",
    CellOutcome.STDERR: "Output limit exceeded: {output} bytes of stderr",
    CellOutcome.RESULTS: f"Output limit exceeded: {MAX_RESULTS} bytes, or {_MAX_VALUES} values, of"
    " results",
}
_STUCK = (
    f"{{}}. The kernel did not stop within {_GRACE_SECONDS:.0f} s of the interrupt: it may be busy"
    " still, and can be restarted"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """Code for a kernel.

    `wall_ms` is the time it may take once the kernel is free for it, in milliseconds; `output`
    limits stdout and stderr, each, in bytes. `stdin` are the lines that input() gets, and then the
    end of the file; without, asking for input is an error.
    """

    code: str
    wall_ms: int
    output: int
    stdin: str | None = None


@dataclass(frozen=True, slots=True)
class CellText:
    """A piece of stdout or stderr."""

    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class CellDisplay:
    """A value in all its representations, by their media types.

    `is_result` says that it is the cell's own value, not one that it has displayed. One of a
    `display_id` replaces those that came before with it if it `is_update`.
    """

    data: Mapping[str, Any]
    metadata: Mapping[str, Any]
    is_result: bool
    display_id: str | None
    is_update: bool
    size: int  # bytes of its JSON


@dataclass(frozen=True, slots=True)
class CellClear:
    """What came before is to be removed: at once, or with what comes next if it `waits`."""

    waits: bool


@dataclass(frozen=True, slots=True)
class CellError:
    """An error that the cell has raised; the lines of the traceback may have colours of ANSI."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellEnd:
    """The end of a cell. `message` says which limit it was, or why the kernel has died."""

    outcome: CellOutcome
    message: str | None
    execution_count: int | None
    wall_ms: float


CellEvent = CellText | CellDisplay | CellClear | CellError | CellEnd


def run_cell(
    kernel: Kernel, cell: Cell, client: ClientConnection | None
) -> Generator[CellEvent, None, None]:
    """Run a cell in a kernel that need not answer yet, or has died; yield what comes of it.

    One that is over a limit, or whose client or reader leaves, is interrupted; the kernel keeps its
    state. At last comes a `CellEnd`, whatever the code did.

    Raises:
        KernelNotRunning: the kernel does not start.
        KernelBusy: another cell has run for all of the time.
        SandboxEnded: the sandbox has ended.
        ClientDisconnected: the client hung up.
    """
    kernel.restart_if_dead()
    wait_until_ready(kernel, client)
    with _turn(kernel.cells, cell, client), kernel.connect() as connection:
        run = _CellRun(kernel, cell, connection)
        try:
            yield from run.events(client)
        finally:
            if not run.has_ended:  # its client or its reader has left
                run.interrupt()


def warm_up(kernel: Kernel) -> None:
    """Wait until a kernel answers, and have it run nothing: its first cell takes the longest.

    Raises:
        TimeoutError, KernelNotRunning, SandboxEnded: as `Kernel.wait_until_ready`.
    """
    kernel.wait_until_ready()
    nothing = KernelMessage.make(
        "execute_request",
        {"code": "", "silent": True, "store_history": False, "allow_stdin": False},
    )
    with kernel.connect() as connection:
        connection.send(nothing)
        while not any(each.channel == "shell" for each in connection.receive(START_SECONDS)):
            pass


class _CellRun:
    def __init__(self, kernel: Kernel, cell: Cell, connection: KernelConnection) -> None:
        self._kernel = kernel
        self._cell = cell
        self._connection = connection
        self._restarts = kernel.restarts
        self._lines = None if cell.stdin is None else iter(cell.stdin.splitlines())
        self._left = dict.fromkeys(Stream, cell.output)
        self._results_left = MAX_RESULTS
        self._values_left = _MAX_VALUES
        self._limit: CellOutcome | None = None  # the one crossed first
        self._reply: Mapping[str, Any] | None = None
        self._is_idle = False
        self.has_ended = False
        self._started = time.monotonic()
        self._deadline = self._started + cell.wall_ms / 1000
        self._session = uuid.uuid4().hex
        self._request = KernelMessage.make(
            "execute_request",
            {
                "code": cell.code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": cell.stdin is not None,
                "stop_on_error": False,
            },
            session=self._session,
        )

    def events(self, client: ClientConnection | None) -> Iterator[CellEvent]:
        self._connection.send(self._request)
        while self._reply is None or not self._is_idle:
            if self._has_died():
                yield self._end(CellOutcome.DIED, self._death())
                return
            if time.monotonic() >= self._deadline:
                if self._limit is not None:
                    yield self._end(self._limit, _STUCK.format(self._message(self._limit)))
                    return
                self._exceed(CellOutcome.WALL_TIME)
            for message in self._receive(client):
                if message.parent_id == self._request.msg_id:
                    with contextlib.suppress(RequestError):  # content that is no JSON
                        yield from self._on_message(message, message.content)
        yield self._last()

    def interrupt(self) -> None:
        with contextlib.suppress(RequestError):  # it is dead
            self._kernel.interrupt()

    def _receive(self, client: ClientConnection | None) -> list[KernelMessage]:
        left = max(0.0, min(CHECK_SECONDS, self._deadline - time.monotonic()))
        if client is not None:
            client.wait_for(self._connection, left * 1000)
            left = 0
        try:
            return self._connection.receive(left)
        except TimeoutError:
            return []

    def _on_message(
        self, message: KernelMessage, content: Mapping[str, Any]
    ) -> Iterator[CellEvent]:
        match message.channel, message.msg_type:
            case "iopub", "stream":
                yield from self._on_text(content)
            case "iopub", "execute_result" | "display_data" | "update_display_data":
                yield from self._on_display(message, content)
            case "iopub", "clear_output":
                yield CellClear(content.get("wait") is True)
            case "iopub", "error":
                if self._has_room(message):
                    yield _error(content)
            case "iopub", "status":
                self._is_idle = self._is_idle or content.get("execution_state") == "idle"
            case "stdin", "input_request":
                self._answer(message)
            case "shell", "execute_reply":
                self._reply = content

    def _on_text(self, content: Mapping[str, Any]) -> Iterator[CellText]:
        name, text = content.get("name"), content.get("text")
        if name not in ("stdout", "stderr") or not isinstance(text, str):
            return
        stream = Stream(name)
        data = text.encode("utf-8", "replace")
        left = self._left[stream]
        self._left[stream] = max(0, left - len(data))
        if len(data) > left:
            text = data[:left].decode("utf-8", "ignore")
            self._exceed(CellOutcome(stream.value))
        if text:
            yield CellText(stream, text)

    def _on_display(
        self, message: KernelMessage, content: Mapping[str, Any]
    ) -> Iterator[CellDisplay]:
        if not self._has_room(message):
            return
        data, metadata, transient = (
            each if isinstance(each := content.get(name), dict) else {}
            for name in ("data", "metadata", "transient")
        )
        display_id = transient.get("display_id")
        yield CellDisplay(
            data,
            metadata,
            is_result=message.msg_type == "execute_result",
            display_id=display_id if isinstance(display_id, str) else None,
            is_update=message.msg_type == "update_display_data",
            size=len(message.parts[3]),
        )

    def _has_room(self, message: KernelMessage) -> bool:
        """Count a result; False if it is over the limit of all."""
        self._results_left -= len(message.parts[3])
        self._values_left -= count_values(message.parts[3])
        has_room = self._results_left >= 0 and self._values_left >= 0
        if not has_room:
            self._exceed(CellOutcome.RESULTS)
        return has_room

    def _answer(self, request: KernelMessage) -> None:
        value = _END_OF_FILE if self._lines is None else next(self._lines, _END_OF_FILE)
        self._connection.send(
            KernelMessage.make(
                "input_reply",
                {"value": value, "status": "ok"},
                channel="stdin",
                session=self._session,
                parent=request.header,
            )
        )

    def _exceed(self, limit: CellOutcome) -> None:
        """Interrupt the cell for a limit, the first one that it has crossed."""
        if self._limit is None:
            self._limit = limit
            self._deadline = time.monotonic() + _GRACE_SECONDS
            self.interrupt()

    def _has_died(self) -> bool:
        return self._kernel.state is KernelState.DEAD or self._kernel.restarts != self._restarts

    def _death(self) -> str:
        try:
            self._kernel.check()
        except RequestError as error:
            return str(error)
        return "The kernel was restarted"

    def _last(self) -> CellEnd:
        if self._limit is not None:
            return self._end(self._limit, self._message(self._limit))
        status = (self._reply or {}).get("status")
        if status in ("ok", "error"):
            return self._end(CellOutcome(status), None)
        return self._end(
            CellOutcome.ABORTED, "The kernel has not run it, since another cell failed"
        )

    def _message(self, limit: CellOutcome) -> str:
        return _MESSAGES[limit].format(wall_ms=self._cell.wall_ms, output=self._cell.output)

    def _end(self, outcome: CellOutcome, message: str | None) -> CellEnd:
        count = (self._reply or {}).get("execution_count")
        wall_ms = (time.monotonic() - self._started) * 1000
        self.has_ended = True
        return CellEnd(outcome, message, count if isinstance(count, int) else None, wall_ms)


@contextlib.contextmanager
def _turn(lock: threading.Lock, cell: Cell, client: ClientConnection | None) -> Iterator[None]:
    """Wait until no other cell runs, so that the time of each is its own."""
    deadline = time.monotonic() + cell.wall_ms / 1000
    while not lock.acquire(timeout=CHECK_SECONDS):
        if client is not None:
            client.check()
        if time.monotonic() > deadline:
            raise KernelBusy("Another cell runs in this kernel: wait for it, or interrupt it")
    try:
        yield
    finally:
        lock.release()


def wait_until_ready(kernel: Kernel, client: ClientConnection | None) -> None:
    """Wait until a kernel answers, or is given up; raises as `run_cell`."""
    while True:
        try:
            kernel.wait_until_ready(CHECK_SECONDS)
        except TimeoutError:
            if client is not None:
                client.check()
        else:
            return


def _error(content: Mapping[str, Any]) -> CellError:
    lines = content.get("traceback")
    return CellError(
        str(content.get("ename", "")),
        str(content.get("evalue", "")),
        tuple(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else (),
    )
