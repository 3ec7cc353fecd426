"""A collection of files that a program has made: the request for it, and the frames that answer.

The payloads and maxima are those of `collection.c`, `collector.h`, `pattern.h` and `frames.h` in
`images/supervisor/`. A box that sends more than was asked for is at fault.
"""

import struct
from collections.abc import Sequence

from bitrun.model.errors import BoxError, RequestError
from bitrun.model.output_files import (
    Collected,
    DroppedFile,
    DropReason,
    Hold,
    OutputFile,
    OutputLimits,
    hold_all,
)
from bitrun.sandbox.supervisor.frames import MAX_PAYLOAD, Frame, encode, encode_text

MAX_PATTERNS = 64
MAX_SEGMENTS = 32
MAX_ENTRIES = 100_000
MAX_DROPPED = 100
COLLECT_SECONDS = 10

FRAMES = frozenset((Frame.FOUND, Frame.CONTENT, Frame.DROPPED, Frame.COLLECTED))

DROP_REASONS = {
    b"t": DropReason.NOT_REGULAR,
    b"u": DropReason.UNREADABLE,
    b"d": DropReason.DEPTH,
    b"n": DropReason.COUNT,
    b"s": DropReason.FILE_SIZE,
    b"b": DropReason.TOTAL_SIZE,
    b"c": DropReason.CHANGED,
}
ENDS = {
    "complete": None,
    "entries": DropReason.ENTRIES,
    "time": DropReason.TIME,
    "failed": DropReason.FAILED,
}

_LIMITS = struct.Struct(">IQQ")
_FOUND = struct.Struct(">HQ")
_MAX_LIMITS = OutputLimits(files=(1 << 32) - 1, file_size=(1 << 62), total_size=(1 << 62))
_MAX_DIGITS = 20  # of a number in a report


def check_patterns(patterns: Sequence[str]) -> None:
    """Check that files can be asked for by these patterns.

    Raises:
        RequestError: one is no relative path, or there are too many, or of too many folders.
    """
    if len(patterns) > MAX_PATTERNS:
        raise RequestError(
            f"{len(patterns)} patterns of files are too many: at most {MAX_PATTERNS}"
        )
    for pattern in patterns:
        segments = pattern.split("/")
        if len(segments) > MAX_SEGMENTS:
            raise RequestError(f"A pattern of files has more than {MAX_SEGMENTS} parts: {pattern}")
        if "\0" in pattern or any(segment in ("", ".", "..") for segment in segments):
            raise RequestError(
                "A pattern of files is a path below the work directory, such as plot.png or "
                f"out/**, without empty parts, . and ..: {pattern!r}"
            )
    if sum(len(encode_text(pattern)) + 1 for pattern in patterns) > MAX_PAYLOAD - _LIMITS.size:
        raise RequestError("The patterns of files are too long")


def encode_collect(patterns: Sequence[str], limits: OutputLimits) -> bytes:
    """Return the COLLECT frame for files that match one of the patterns.

    Raises:
        RequestError: a pattern can't be used.
    """
    check_patterns(patterns)
    numbers = _LIMITS.pack(
        min(limits.files, _MAX_LIMITS.files),
        min(limits.file_size, _MAX_LIMITS.file_size),
        min(limits.total_size, _MAX_LIMITS.total_size),
    )
    return encode(
        Frame.COLLECT, numbers + b"".join(encode_text(pattern) + b"\0" for pattern in patterns)
    )


class Collection:
    """Puts the frames of a collection together; `result` is there after the last one.

    A file that `hold` has no memory for is received, but not kept.
    """

    def __init__(self, limits: OutputLimits, hold: Hold = hold_all) -> None:
        self.result: Collected | None = None
        self._hold = hold
        self._limits = limits
        self._files: list[OutputFile] = []
        self._dropped: list[DroppedFile] = []
        self._count = 0
        self._total = 0
        self._name: bytes | None = None  # of the file that is being received, or was last
        self._mode = 0
        self._left = 0  # bytes of it
        self._is_held = False
        self._pieces: list[bytes] = []

    def add(self, frame: Frame, payload: bytes) -> None:
        """Take the next frame, one of `FRAMES`.

        Raises:
            BoxError: it does not fit to those before it, or to the limits.
        """
        if self.result is not None:
            raise BoxError("The supervisor sent a file after the last one")
        match frame:
            case Frame.FOUND:
                self._finish_file()
                self._begin_file(payload)
            case Frame.CONTENT:
                self._continue_file(payload)
            case Frame.DROPPED:
                self._drop(payload)
            case Frame.COLLECTED:
                self._end(payload)

    def _begin_file(self, payload: bytes) -> None:
        if len(payload) <= _FOUND.size:
            raise BoxError("The supervisor sent a file without a name")
        self._mode, self._left = _FOUND.unpack_from(payload)
        self._name = payload[_FOUND.size :]
        self._count += 1
        self._total += self._left
        if (
            self._count > self._limits.files
            or self._left > self._limits.file_size
            or self._total > self._limits.total_size
        ):
            raise BoxError("The supervisor sent more of files than was asked for")
        self._is_held = self._hold(self._left)

    def _continue_file(self, payload: bytes) -> None:
        if len(payload) > self._left:
            raise BoxError("The supervisor sent more of a file than its size")
        self._left -= len(payload)
        if self._is_held:
            self._pieces.append(payload)

    def _finish_file(self) -> None:
        if self._name is None:
            return
        if self._left > 0:
            raise BoxError("The supervisor sent less of a file than its size")
        name = _text(self._name)
        if not self._is_held:
            self._dropped.append(_dropped(self._name, DropReason.BUSY))
        elif _is_usable(name):
            self._files.append(OutputFile(name, self._mode & 0o777, b"".join(self._pieces)))
        else:
            self._dropped.append(_dropped(self._name, DropReason.NAME))
        self._discard_file()

    def _discard_file(self) -> None:
        self._name = None
        self._left = 0
        self._pieces = []

    def _drop(self, payload: bytes) -> None:
        reason = DROP_REASONS.get(payload[:1])
        if reason is None or len(self._dropped) >= MAX_DROPPED + self._limits.files:
            raise BoxError(f"The supervisor dropped a file for {payload[:1]!r}")
        name = payload[1:]
        if name == self._name:
            self._discard_file()  # what has come of it is void
        self._finish_file()
        limit = {
            DropReason.COUNT: self._limits.files,
            DropReason.FILE_SIZE: self._limits.file_size,
            DropReason.TOTAL_SIZE: self._limits.total_size,
        }.get(reason, 0)
        self._dropped.append(_dropped(name, reason, limit))

    def _end(self, payload: bytes) -> None:
        try:
            report = dict(line.split("=", 1) for line in payload.decode("ascii").splitlines())
            end, count = ENDS[report["end"]], int(report["unlisted"][:_MAX_DIGITS])
        except (ValueError, KeyError) as error:
            raise BoxError(f"The supervisor ended a collection with {payload[:200]!r}") from error
        if end is not None and self._left > 0:
            self._discard_file()
        self._finish_file()
        self._files.sort(key=lambda file: file.name)
        if count > 0:
            self._dropped.append(DroppedFile("", DropReason.UNLISTED, count))
        if end is not None:
            limits = {DropReason.ENTRIES: MAX_ENTRIES, DropReason.TIME: COLLECT_SECONDS}
            self._dropped.append(DroppedFile("", end, limits.get(end, 0)))
        self.result = Collected(tuple(self._files), tuple(self._dropped))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _dropped(name: bytes, reason: DropReason, limit: int = 0) -> DroppedFile:
    return DroppedFile(_text(name), reason, limit)


def _is_usable(name: str) -> bool:
    """Whether a name can be a file below any folder, and be shown."""
    parts = name.split("/")
    return "\ufffd" not in name and name.isprintable() and not {"", ".", ".."} & {*parts}
