"""One side of the talk with a supervisor, over any channel that carries bytes both ways."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from bitrun.faults import BoxFault, FileRefused
from bitrun.jobs import File, Stage, Stream, Verdict
from bitrun.sandbox.frames import (
    CHUNK,
    CREDIT_WINDOW,
    Decoder,
    Frame,
    decode_verdict,
    encode,
    encode_file,
    encode_stage,
)

# The supervisor ends a stage at its limit to the millisecond. One that says nothing so much later
# hangs, or its engine does.
BACKSTOP_SECONDS = 5.0

Listener = Callable[[Stream, bytes], None]


class Channel(Protocol):
    def send(self, data: bytes) -> None:
        """Send all of it, or raise BoxFault."""

    def receive(self, timeout: float) -> bytes:
        """Return what has come within `timeout` seconds, b"" at the end.

        Raises:
            TimeoutError: nothing came.
        """


class Conversation:
    """What is said to one supervisor, in order: files, a stage, perhaps more of both."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._decoder = Decoder()

    def put(self, files: Iterable[File]) -> None:
        """Send files. One that can't be written makes the next `run` raise FileRefused."""
        for file in files:
            for frame in encode_file(file):
                self._channel.send(frame)

    def run(self, stage: Stage, listener: Listener) -> Verdict:
        """Run a stage to its verdict; `listener` gets its output as it comes.

        Raises:
            FileRefused: a file that was put before could not be written.
            BoxFault: the box ended or broke the protocol, or said nothing until long after the
                stage's time.
        """
        self._channel.send(encode_stage(stage))
        stdin = _Stdin(self._channel, stage.stdin)
        deadline = time.monotonic() + stage.limits.wall_ms / 1000 + BACKSTOP_SECONDS
        while True:
            for kind, payload in self._decoder.feed(self._receive(deadline)):
                match kind:
                    case Frame.STDOUT:
                        listener(Stream.STDOUT, payload)
                    case Frame.STDERR:
                        listener(Stream.STDERR, payload)
                    case Frame.CREDIT:
                        stdin.credit(int(payload))
                    case Frame.VERDICT:
                        return decode_verdict(payload)
                    case Frame.FAULT_FILE:
                        raise FileRefused(_file_refusal(payload.decode("utf-8", "replace")))
                    case Frame.FAULT_BOX:
                        raise BoxFault(f"The supervisor: {payload.decode('utf-8', 'replace')}")
                    case _:
                        raise BoxFault(f"The supervisor sent a frame of type {kind.name}")

    def _receive(self, deadline: float) -> bytes:
        try:
            data = self._channel.receive(max(deadline - time.monotonic(), 0.001))
        except TimeoutError as error:
            raise BoxFault("The supervisor says nothing") from error
        if not data:
            raise BoxFault("The box ended before its verdict")
        return data


class _Stdin:
    """A stage's stdin, never more of it under way than the supervisor can hold.

    The supervisor reads its own stdin at every moment, to notice its owner's end; so what the
    program does not read yet must wait here, not in the pipe.
    """

    def __init__(self, channel: Channel, data: bytes) -> None:
        self._channel = channel
        self._left = memoryview(data)
        self._ended = False
        self.credit(CREDIT_WINDOW)

    def credit(self, size: int) -> None:
        while self._left and size:
            part = self._left[: min(size, CHUNK)]
            self._channel.send(encode(Frame.STDIN, part))
            self._left = self._left[len(part) :]
            size -= len(part)
        if not self._left and not self._ended:
            self._channel.send(encode(Frame.EOF))
            self._ended = True


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
