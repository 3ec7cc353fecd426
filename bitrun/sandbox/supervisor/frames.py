"""Frames: the messages between the service and a supervisor.

A frame is one type byte, a length (4 bytes, big-endian) and that many bytes of payload. The
constants are those of `images/supervisor/frames.h`; `docs/protocol.md` is the reference.
"""

import struct
from collections.abc import Iterator
from enum import Enum

from bitrun.model.errors import BoxError, RequestError
from bitrun.model.job import File, TerminalSize
from bitrun.model.output import Stream

PROTOCOL_VERSION = 7  # not on the wire: an image is sealed with a supervisor of the same source

MAX_PAYLOAD = 1 << 20  # bytes
MAX_CHUNK = 1 << 16  # payload bytes of a DATA, STDIN, STDOUT, STDERR or CONTENT frame
CREDIT_WINDOW = 1 << 20  # bytes of stdin that may be sent when a stage starts

_HEADER = struct.Struct(">cI")
HEADER_SIZE = _HEADER.size

_TERMINAL_SIZE = struct.Struct(">HH")
_MODE = struct.Struct(">H")
_DEFAULT_MODE = 0o644  # of what the supervisor creates

_MAX_CREDIT_DIGITS = 20


class Frame(Enum):
    """The types of frames, by their type byte."""

    # To the supervisor
    FILE = b"F"
    DATA = b"D"
    MODE = b"M"
    STAGE = b"S"
    STDIN = b"I"
    EOF = b"E"
    SIGNAL = b"K"
    RESET = b"N"
    RESIZE = b"W"
    COLLECT = b"C"
    CHANNEL = b"H"
    CONSUMED = b"A"

    # From the supervisor
    STDOUT = b"o"
    STDERR = b"e"
    CREDIT = b"c"
    VERDICT = b"v"
    CLEAN = b"n"
    FOUND = b"p"
    CONTENT = b"d"
    DROPPED = b"r"
    COLLECTED = b"l"
    ANSWER = b"h"
    FAULT_BOX = b"x"
    FAULT_FILE = b"f"
    FAULT_COMMAND = b"s"
    FAULT_RESIDUE = b"u"


# Output is decoded to its stream: such a pair goes all the way to the reply as it is, since there
# may be a hundred thousand of a byte each.
DecodedFrame = tuple[Frame | Stream, bytes]
_TYPES: dict[bytes, Frame | Stream] = {frame.value: frame for frame in Frame} | {
    Frame.STDOUT.value: Stream.STDOUT,
    Frame.STDERR.value: Stream.STDERR,
}


def encode(frame: Frame, payload: bytes | bytearray | memoryview = b"") -> bytes:
    return _HEADER.pack(frame.value, len(payload)) + payload


def encode_file(file: File) -> Iterator[bytes]:
    """Yield a FILE frame, the DATA frames of the content, and a MODE frame if it needs one.

    Raises:
        RequestError: the name is not valid Unicode.
    """
    yield encode(Frame.FILE, encode_text(file.name))
    content = memoryview(file.content)
    for start in range(0, len(content), MAX_CHUNK):
        yield encode(Frame.DATA, content[start : start + MAX_CHUNK])
    if file.mode != _DEFAULT_MODE:
        yield encode(Frame.MODE, _MODE.pack(file.mode))


def encode_resize(size: TerminalSize) -> bytes:
    return encode(Frame.RESIZE, _TERMINAL_SIZE.pack(size.rows, size.columns))


def encode_text(text: str) -> bytes:
    """Encode as UTF-8; surrogate escapes become the bytes that they stand for.

    Raises:
        RequestError: it is not valid Unicode.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RequestError("A name, an argument or a variable is no valid Unicode") from error


class Decoder:
    """Splits a stream of bytes into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[DecodedFrame]:
        """Add bytes and return the frames that are complete with them.

        Raises:
            BoxError: an unknown type, or a payload over the maximum.
        """
        self._pending += data
        with memoryview(self._pending) as pending:
            frames, size = _split(pending)
        del self._pending[:size]
        return frames


def _split(pending: memoryview) -> tuple[list[DecodedFrame], int]:
    """Return the complete frames, and their size in bytes."""
    frames: list[DecodedFrame] = []
    start, end = 0, _HEADER.size
    while end <= len(pending):
        type_byte, size = _HEADER.unpack_from(pending, start)
        if size > MAX_PAYLOAD:
            raise BoxError(f"The supervisor sent a frame of {size} bytes")
        payload = end
        end += size
        if end > len(pending):
            break
        decoded = _TYPES.get(type_byte)
        if decoded is None:
            raise BoxError(f"The supervisor sent a frame of type {type_byte!r}")
        frames.append((decoded, bytes(pending[payload:end])))
        start, end = end, end + _HEADER.size
    return frames, start


def decode_credit(payload: bytes) -> int:
    """Return the number of bytes of stdin that may be sent in addition.

    Raises:
        BoxError: it is not a decimal number, or a longer one than a supervisor sends.
    """
    if not payload.isdigit() or len(payload) > _MAX_CREDIT_DIGITS:
        raise BoxError(f"The supervisor sent a credit of {payload[:_MAX_CREDIT_DIGITS]!r}")
    return int(payload)
