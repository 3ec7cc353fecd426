"""The service's side of a connection to a supervisor, over any channel that carries bytes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from bitrun.model.errors import (
    BoxEnded,
    BoxError,
    BoxUnresponsive,
    CommandRejected,
    FileRejected,
    ResidueLeft,
)
from bitrun.model.job import Content, File, Stage, TerminalSize
from bitrun.model.output import Stream
from bitrun.model.output_files import Collected, Hold, OutputLimits, hold_all
from bitrun.model.result import Verdict
from bitrun.sandbox.supervisor.collection import (
    COLLECT_SECONDS,
    FRAMES,
    Collection,
    encode_collect,
    with_room_for,
)
from bitrun.sandbox.supervisor.frames import (
    CREDIT_WINDOW,
    MAX_CHUNK,
    DecodedFrame,
    Decoder,
    Frame,
    decode_credit,
    encode,
    encode_file,
    encode_resize,
)
from bitrun.sandbox.supervisor.stage_command import encode_stage
from bitrun.sandbox.supervisor.verdict_report import decode_verdict

# The supervisor ends a stage at its limit to the millisecond. If it is silent for this much longer,
# it hangs, or its engine does. Beside a fork bomb, with sixty processes waiting for two processors,
# it took more than 5 s.
BACKSTOP_SECONDS = 10.0

PARTIAL_FRAME_SECONDS = 0.01  # for the rest of a frame that has begun to arrive

_FLUSH_SIZE = 1 << 18  # bytes
_END_OF_FILE = b"\x04"  # Ctrl-D
_LINE_ENDS = (b"", b"\n", b"\r", b"\x03", _END_OF_FILE)  # as typed; the first is the start

Event = tuple[Stream, bytes] | Verdict


class Channel(Protocol):
    """Bytes both ways between the service and a supervisor."""

    def send(self, data: bytes | bytearray) -> None:
        """Send all of it.

        Raises:
            BoxError: the other end is gone.
        """

    def receive(self, timeout: float) -> bytes:
        """Return the next bytes that arrive, b"" at the end.

        Raises:
            TimeoutError: nothing arrived within `timeout` seconds.
        """


class SupervisorClient:
    """Sends files and stages to one supervisor, in that order, and receives output and verdicts.

    Frames are queued until a stage starts, so that a small job is one packet. `file_bytes` is the
    size of all files so far, `peak_memory` the largest memory of a verdict, both in bytes.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._decoder = Decoder()
        self._queued = bytearray()
        self._deadline = 0.0
        self._stdin = bytearray()
        self._stdin_ends = True
        self._has_terminal = False
        self._last_byte = b""
        self._credit = 0
        self.file_bytes = 0
        self.peak_memory = 0

    def queue_files(self, files: Iterable[File]) -> None:
        """Queue files. One that can't be written makes the next stage raise FileRejected."""
        for file in files:
            self.file_bytes += len(file.content)
            for frame in encode_file(file):
                self._queue(frame)

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        """Start a stage. An interactive one takes more stdin by `write`, until `end_stdin`.

        Raises:
            RequestError: the command can't be given to a program.
            BoxError: the box is gone.
        """
        self._queue(encode_stage(stage, interactive=interactive))
        self._deadline = time.monotonic() + stage.limits.wall_ms / 1000 + BACKSTOP_SECONDS
        self._has_terminal = stage.tty is not None
        self._last_byte = stage.stdin[-1:]
        self._stdin = bytearray(stage.stdin)
        self._stdin_ends = False
        self._credit = CREDIT_WINDOW
        if interactive:
            self._send_stdin()
        else:
            self.end_stdin()

    def receive(self, timeout: float | None = None) -> list[Event]:
        """Wait for events of the stage: pieces of output, at last its verdict.

        May return none, when only frames for this client have arrived. `timeout` is in seconds;
        without it, wait until something arrives.

        Raises:
            TimeoutError: nothing arrived within `timeout`.
            FileRejected: a file that was queued before could not be written.
            CommandRejected: the command of the stage could not be started.
            BoxEnded: the box ended.
            BoxUnresponsive: nothing arrived until BACKSTOP_SECONDS after the wall time limit.
            BoxError: the supervisor reported a fault, or broke the protocol.
        """
        events: list[Event] = []
        for frame in self._decoder.feed(self._receive(timeout)):
            frame_type, payload = frame
            if isinstance(frame_type, Stream):
                events.append(frame)  # type: ignore[arg-type]  # a pair can't be narrowed
            else:
                events += self._on_frame(frame_type, payload)
        return events

    def collect(
        self,
        patterns: Sequence[str],
        limits: OutputLimits,
        hold: Hold = hold_all,
        sent: Mapping[str, Content] | None = None,
    ) -> Collected:
        """Get the regular files of the work directory that match one of the patterns.

        A pattern is a relative path; `*`, `?` and `[...]` match within a name, `**` any folders,
        and at the end all files in them. All processes of the job must have ended: after a verdict.
        Those in `sent` come only if their contents have changed. A file that `hold` has no memory
        for is dropped.

        Raises:
            RequestError: a pattern can't be used.
            BoxEnded: the box ended.
            BoxUnresponsive: it took longer than the supervisor allows.
            BoxError: the supervisor reported a fault, or broke the protocol.
        """
        self._queue(encode_collect(patterns, with_room_for(limits, sent or {})))
        self._deadline = time.monotonic() + COLLECT_SECONDS + BACKSTOP_SECONDS
        self._flush()
        collection = Collection(limits, hold, sent)
        while collection.result is None:
            for frame_type, payload in self._decoder.feed(self._receive(None)):
                if isinstance(frame_type, Frame) and frame_type in FRAMES:
                    collection.add(frame_type, payload)
                elif isinstance(frame_type, Frame) and not self._on_frame(frame_type, payload):
                    continue  # a late credit
                else:
                    raise BoxError(f"The supervisor sent {frame_type.name} in a collection")
        return collection.result

    def start_reset(self) -> None:
        """Have the box made as new, after the last verdict of a job.

        Raises:
            BoxError: the box is gone.
        """
        self.file_bytes = self.peak_memory = 0
        self._queue(encode(Frame.RESET))
        self._flush()

    def receive_reset(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until the box is as new.

        Raises:
            TimeoutError: it is not yet.
            ResidueLeft: it can't be proven.
            BoxError: the box ended, or broke the protocol.
        """
        frames: list[DecodedFrame] = []
        while not frames:
            data = self._channel.receive(timeout)
            if not data:
                raise BoxEnded
            frames = self._decoder.feed(data)
        frame_type, payload = frames[0]
        if isinstance(frame_type, Frame) and frame_type is not Frame.CLEAN:
            self._on_frame(frame_type, payload)
        if frame_type is not Frame.CLEAN or len(frames) > 1:
            raise BoxError(f"The supervisor answered a reset with {frame_type.name}")

    def _on_frame(self, frame_type: Frame, payload: bytes) -> list[Event]:
        match frame_type:
            case Frame.VERDICT:
                verdict = decode_verdict(payload)
                self.peak_memory = max(self.peak_memory, verdict.memory)
                return [verdict]
            case Frame.CREDIT:
                self._credit += decode_credit(payload)
                self._send_stdin()
                return []
            case Frame.FAULT_FILE:
                raise FileRejected(_file_error(payload.decode("utf-8", "replace")))
            case Frame.FAULT_COMMAND:
                reason = payload.decode("utf-8", "replace")
                raise CommandRejected(f"The command can't be started: {reason}")
            case Frame.FAULT_RESIDUE:
                raise ResidueLeft(payload.decode("utf-8", "replace"))
            case Frame.FAULT_BOX:
                raise BoxError(f"The supervisor: {payload.decode('utf-8', 'replace')}")
            case _:
                raise BoxError(f"The supervisor sent a frame of type {frame_type.name}")

    # While an interactive stage runs

    def write(self, data: bytes) -> None:
        """Give the program more stdin."""
        self._last_byte = data[-1:] or self._last_byte
        self._stdin += data
        self._send_stdin()

    def end_stdin(self) -> None:
        """End the program's stdin after all of it has been sent.

        On a terminal nothing ends it for good: this types Ctrl-D, which ends one read, and more may
        be written.
        """
        if self._has_terminal:
            # In the middle of a line Ctrl-D only sends the line: it takes a second one to end.
            self.write(_END_OF_FILE * (1 if self._last_byte in _LINE_ENDS else 2))
            return
        self._stdin_ends = True
        self._send_stdin()

    def resize(self, size: TerminalSize) -> None:
        """Change the size of the stage's terminal, if it has one."""
        if self._has_terminal:
            self._queue(encode_resize(size))
            self._flush()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        self._queue(encode(Frame.SIGNAL, bytes([number])))
        self._flush()

    @property
    def unsent_stdin(self) -> int:
        """Bytes of stdin that wait for credit, which the program gives by reading."""
        return len(self._stdin)

    def _send_stdin(self) -> None:
        # The supervisor reads its own stdin at any moment, to notice the end of this process; so
        # what the program does not read yet must wait here, not in the pipe.
        size = min(len(self._stdin), self._credit)
        for start in range(0, size, MAX_CHUNK):
            self._queue(encode(Frame.STDIN, self._stdin[start : min(start + MAX_CHUNK, size)]))
        del self._stdin[:size]
        self._credit -= size
        if self._stdin_ends and not self._stdin:
            self._queue(encode(Frame.EOF))
            self._stdin_ends = False  # EOF is sent once
        self._flush()

    def _queue(self, frame: bytes) -> None:
        self._queued += frame
        if len(self._queued) >= _FLUSH_SIZE:
            self._flush()

    def _flush(self) -> None:
        if self._queued:
            self._channel.send(self._queued)
            self._queued = bytearray()

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


def _file_error(report: str) -> str:
    reason, _, name = report.partition(": ")
    meaning = {
        "ENOSPC": "does not fit into the work directory",
        "ENAMETOOLONG": "has too long a name",
        "EISDIR": "has the name of a directory",
        "ENOTDIR": "stands below what is not a directory",
        "EFBIG": "is too large",
        "ENXIO": "has the name of a fifo, socket or device",
    }.get(reason, f"can't be written ({reason})")
    return f"File {meaning}: {name}"
