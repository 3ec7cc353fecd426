"""One side of the talk with a supervisor, over any channel that carries bytes both ways."""

import time
from collections.abc import Iterable
from typing import Protocol

from bitrun.model.errors import BoxEnded, BoxError, BoxUnresponsive, FileRejected
from bitrun.model.job import File, Stage
from bitrun.model.result import Stream, Verdict
from bitrun.sandbox.supervisor.frames import (
    CHUNK,
    CREDIT_WINDOW,
    Decoder,
    Frame,
    decode_credit,
    decode_verdict,
    encode,
    encode_file,
    encode_stage,
)

# The supervisor ends a stage at its limit to the millisecond. One that says nothing so much later
# hangs, or its engine does.
BACKSTOP_SECONDS = 5.0

_FLUSH_SIZE = 1 << 18

Event = tuple[Stream, bytes] | Verdict


class Channel(Protocol):
    def send(self, data: bytes | bytearray) -> None:
        """Send all of it, or raise BoxError."""

    def receive(self, timeout: float) -> bytes:
        """Return what has come within `timeout` seconds, b"" at the end.

        Raises:
            TimeoutError: nothing came.
        """


class SupervisorClient:
    """What is said to one supervisor, in order: files, a stage, perhaps more of both.

    What is said is gathered and sent when a stage starts, so that a small job is one packet.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._decoder = Decoder()
        self._gathered = bytearray()
        self._deadline = 0.0
        self._stdin = bytearray()
        self._stdin_ends = True
        self._credit = 0

    def queue_files(self, files: Iterable[File]) -> None:
        """Say files. One that can't be written makes the stage that follows raise FileRejected."""
        for file in files:
            for frame in encode_file(file):
                self._queue(frame)

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        """Start a stage. An interactive one gets more stdin by `write`, until `end`.

        Raises:
            RequestError: the command can't be given to a program.
            BoxError: the box is gone.
        """
        self._queue(encode_stage(stage))
        self._deadline = time.monotonic() + stage.limits.wall_ms / 1000 + BACKSTOP_SECONDS
        self._stdin = bytearray(stage.stdin)
        self._stdin_ends = not interactive
        self._credit = CREDIT_WINDOW
        self._send_stdin()

    def receive(self, timeout: float | None = None) -> list[Event]:
        """Wait for what the stage has to tell, output or its verdict, which is the last.

        `timeout` is in seconds; without it, wait until something comes.

        Raises:
            TimeoutError: nothing came within `timeout`.
            FileRejected: a file that was put before could not be written.
            BoxEnded: the box ended.
            BoxUnresponsive: it said nothing until long after the stage's time.
            BoxError: it broke the protocol.
        """
        events: list[Event] = []
        for frame in self._decoder.feed(self._receive(timeout)):
            kind, payload = frame
            if isinstance(kind, Stream):
                events.append(frame)  # type: ignore[arg-type]  # a pair can't be narrowed
            else:
                events += self._on_frame(kind, payload)
        return events

    def _on_frame(self, kind: Frame, payload: bytes) -> list[Event]:
        match kind:
            case Frame.VERDICT:
                return [decode_verdict(payload)]
            case Frame.CREDIT:
                self._credit += decode_credit(payload)
                self._send_stdin()
                return []
            case Frame.FAULT_FILE:
                raise FileRejected(_file_refusal(payload.decode("utf-8", "replace")))
            case Frame.FAULT_BOX:
                raise BoxError(f"The supervisor: {payload.decode('utf-8', 'replace')}")
            case _:
                raise BoxError(f"The supervisor sent a frame of type {kind.name}")

    # While an interactive stage runs

    def write(self, data: bytes) -> None:
        """Give the program more stdin."""
        self._stdin += data
        self._send_stdin()

    def end_stdin(self) -> None:
        """End the program's stdin, once all of it has been read."""
        self._stdin_ends = True
        self._send_stdin()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        self._queue(encode(Frame.SIGNAL, bytes([number])))
        self._flush()

    @property
    def unread(self) -> int:
        """Bytes of stdin that wait here until the program has read what was sent before."""
        return len(self._stdin)

    def _send_stdin(self) -> None:
        # The supervisor reads its own stdin at every moment, to notice its owner's end; so what
        # the program does not read yet must wait here, not in the pipe.
        size = min(len(self._stdin), self._credit)
        for start in range(0, size, CHUNK):
            self._queue(encode(Frame.STDIN, self._stdin[start : min(start + CHUNK, size)]))
        del self._stdin[:size]
        self._credit -= size
        if self._stdin_ends and not self._stdin:
            self._queue(encode(Frame.EOF))
            self._stdin_ends = False  # it is said once
        self._flush()

    def _queue(self, frame: bytes) -> None:
        self._gathered += frame
        if len(self._gathered) >= _FLUSH_SIZE:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            self._channel.send(self._gathered)
            self._gathered = bytearray()

    def _receive(self, timeout: float | None) -> bytes:
        backstop = max(self._deadline - time.monotonic(), 0.001)
        try:
            data = self._channel.receive(backstop if timeout is None else min(timeout, backstop))
        except TimeoutError as error:
            if time.monotonic() < self._deadline:
                raise
            raise BoxUnresponsive from error
        if not data:
            raise BoxEnded
        return data


def _file_refusal(report: str) -> str:
    reason, _, name = report.partition(": ")
    meaning = {
        "ENOSPC": "does not fit into the work directory",
        "ENAMETOOLONG": "has too long a name",
        "EISDIR": "has the name of a directory",
        "ENOTDIR": "stands below what is not a directory",
        "EFBIG": "is too large",
    }.get(reason, f"can't be written ({reason})")
    return f"File {meaning}: {name}"
