"""The frames that the service and a supervisor exchange; `images/supervisor/frames.h` is the twin.

A frame is one type byte, a length (4 bytes, big-endian) and that many bytes of payload.
"""

import struct
from collections.abc import Iterator
from enum import Enum

from bitrun.model.errors import BoxError, RequestError
from bitrun.model.job import File, Stage
from bitrun.model.result import Outcome, Stream, Verdict, outcome_of
from bitrun.model.signals import SIGNAL_NAMES

CHUNK = 1 << 16
CREDIT_WINDOW = 1 << 20

_HEADER = struct.Struct(">cI")
_LARGEST = 1 << 20
_ARGUMENTS_MOST, _VARIABLES_MOST = 8192, 1024  # of images/supervisor/command.h
_LONGEST_STRING = 131072  # Linux's MAX_ARG_STRLEN
_LONGEST_NUMBER = 20


class Frame(Enum):
    FILE = b"F"
    DATA = b"D"
    STAGE = b"S"
    STDIN = b"I"
    EOF = b"E"
    SIGNAL = b"K"

    STDOUT = b"o"
    STDERR = b"e"
    CREDIT = b"c"
    VERDICT = b"v"
    FAULT_BOX = b"x"
    FAULT_FILE = b"f"


_LIMITS: dict[str, Outcome | None] = {
    "none": None,
    "wall": Outcome.WALL_TIME,
    "cpu": Outcome.CPU_TIME,
    "stdout": Outcome.STDOUT,
    "stderr": Outcome.STDERR,
}

# Output is told as its stream: such a pair goes all the way to the reply as it is, since there may
# be a hundred thousand of a byte each.
Told = tuple[Frame | Stream, bytes]
_KINDS: dict[bytes, Frame | Stream] = {frame.value: frame for frame in Frame} | {
    Frame.STDOUT.value: Stream.STDOUT,
    Frame.STDERR.value: Stream.STDERR,
}


def encode(kind: Frame, payload: bytes | bytearray | memoryview = b"") -> bytes:
    return _HEADER.pack(kind.value, len(payload)) + payload


def encode_file(file: File) -> Iterator[bytes]:
    yield encode(Frame.FILE, _encode_text(file.name))
    content = memoryview(file.content)
    for start in range(0, len(content), CHUNK):
        yield encode(Frame.DATA, content[start : start + CHUNK])


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RequestError("A name, an argument or a variable is no valid Unicode") from error


def encode_stage(stage: Stage) -> bytes:
    """Write the fields that `images/supervisor/command.h` lists.

    Raises:
        RequestError: the command or its environment can't be given to a program.
    """
    limits = stage.limits
    if len(stage.argv) > _ARGUMENTS_MOST or len(stage.env) > _VARIABLES_MOST:
        raise RequestError(
            f"At most {_ARGUMENTS_MOST} arguments and {_VARIABLES_MOST} variables are possible"
        )
    fields = [
        f"w{limits.wall_ms}",
        f"c{limits.cpu_ms or 0}",
        f"o{limits.output}",
        f"r{limits.output}",
        f"m{int(stage.merge)}",
        *(f"a{argument}" for argument in stage.argv),
        *(f"e{name}={value}" for name, value in stage.env.items()),
    ]
    payload = _encode_text("".join(f"{field}\0" for field in fields))
    if max(map(len, payload.split(b"\0"))) >= _LONGEST_STRING:
        raise RequestError(f"An argument or a variable is longer than {_LONGEST_STRING} bytes")
    # A NUL inside one would end it early, and what follows would pass for a field of ours.
    if payload.count(0) != len(fields):
        raise RequestError("An argument or a variable of the environment holds a NUL")
    if len(payload) > _LARGEST:
        raise RequestError("The arguments and the environment are too large")
    return encode(Frame.STAGE, payload)


class Decoder:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Told]:
        """Take the next bytes and return the frames they complete.

        Raises:
            BoxError: this is no frame of ours.
        """
        self._pending += data
        with memoryview(self._pending) as pending:
            frames, taken = _cut(pending)
        del self._pending[:taken]
        return frames


def _cut(pending: memoryview) -> tuple[list[Told], int]:
    """Return the complete frames, and how many bytes they take."""
    frames: list[Told] = []
    start, end = 0, _HEADER.size
    while end <= len(pending):
        kind, size = _HEADER.unpack_from(pending, start)
        if size > _LARGEST:
            raise BoxError(f"The supervisor sent a frame of {size} bytes")
        payload = end
        end += size
        if end > len(pending):
            break
        told = _KINDS.get(kind)
        if told is None:
            raise BoxError(f"The supervisor sent a frame of type {kind!r}")
        frames.append((told, bytes(pending[payload:end])))
        start, end = end, end + _HEADER.size
    return frames, start


def decode_credit(payload: bytes) -> int:
    """Read how many more bytes of stdin may be sent.

    Raises:
        BoxError: this is no credit of ours.
    """
    if not payload.isdigit() or len(payload) > _LONGEST_NUMBER:
        raise BoxError(f"The supervisor sent a credit of {payload[:_LONGEST_NUMBER]!r}")
    return int(payload)


def decode_verdict(payload: bytes) -> Verdict:
    """Read the supervisor's report, lines of key=value.

    Raises:
        BoxError: this is no report of ours.
    """
    try:
        report = dict(line.split("=", 1) for line in payload.decode("ascii").splitlines())
        number = int(report["signal"])
        signal = SIGNAL_NAMES[number] if number else None
        code = None if number else int(report["code"])
        oom_killed = report["oom"] == "1"
        limit = _LIMITS[report["limit"]]
        return Verdict(
            outcome=limit or outcome_of(code, signal, oom_killed=oom_killed),
            code=code,
            signal=signal,
            oom_killed=oom_killed,
            wall_ms=int(report["wall_us"]) / 1000,
            cpu_ms=int(report["cpu_us"]) / 1000,
            memory=int(report["memory"]),
        )
    except (ValueError, KeyError, OverflowError) as error:
        raise BoxError(f"The supervisor sent a verdict of {payload[:200]!r}") from error
