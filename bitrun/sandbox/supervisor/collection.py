"""A collection of files that a program has made: the request for it, and the frames that answer.

The payloads and maxima are those of `collection.c`, `collector.h`, `pattern.h` and `frames.h` in
`images/supervisor/`. A box that sends more than was asked for is at fault.
"""

import dataclasses
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bitrun.model.errors import BoxError, RequestError
from bitrun.model.job import Content
from bitrun.model.output_files import (
    Collected,
    DroppedFile,
    DropReason,
    Hold,
    OutputFile,
    OutputLimits,
    hold_all,
)
from bitrun.sandbox.supervisor.frames import Frame, encode, encode_text

MAX_PATTERNS = 64
MAX_SEGMENTS = 32
MAX_PATH = 4096  # bytes
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
_MAX_SHOWN = 100  # characters of a pattern in a refusal
_MAX_DIGITS = 20  # of a number in a report


def check_patterns(patterns: Sequence[str]) -> None:
    """Check that files can be asked for by these patterns.

    Raises:
        RequestError: one is too long or no relative path, or there are too many.
    """
    if len(patterns) > MAX_PATTERNS:
        raise RequestError(
            f"{len(patterns)} patterns of files are too many: at most {MAX_PATTERNS}"
        )
    for pattern in patterns:
        if len(encode_text(pattern)) >= MAX_PATH:
            raise RequestError(
                f"A pattern of files has {MAX_PATH} bytes or more: {pattern[:_MAX_SHOWN]}..."
            )
        segments = pattern.split("/")
        if len(segments) > MAX_SEGMENTS:
            raise RequestError(
                f"A pattern of files has {len(segments)} parts, and may have {MAX_SEGMENTS}: "
                f"{pattern[:_MAX_SHOWN]}"
            )
        if "\0" in pattern or any(segment in ("", ".", "..") for segment in segments):
            raise RequestError(
                "A pattern of files is a path below the work directory, such as plot.png or "
                f"out/**, without empty parts, . and ..: {pattern[:_MAX_SHOWN]!r}"
            )


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


def with_room_for(limits: OutputLimits, sent: Mapping[str, Content]) -> OutputLimits:
    """Return limits within which the files that were sent may come in addition.

    Only their contents show whether they are as they were, and then they do not count.
    """
    sizes = [len(content) for content in sent.values()]
    return OutputLimits(
        files=limits.files + len(sizes),
        file_size=max(limits.file_size, *sizes) if sizes else limits.file_size,
        total_size=limits.total_size + sum(sizes),
    )


class Collection:
    """Puts the frames of a collection together; `result` is there after the last one.

    Of the files in `sent`, only those come that have other contents now. A file that `hold` has no
    memory for is received, but not kept.
    """

    def __init__(
        self, limits: OutputLimits, hold: Hold = hold_all, sent: Mapping[str, Content] | None = None
    ) -> None:
        self.result: Collected | None = None
        self._limits = limits
        self._hold = hold
        self._sent = sent or {}
        self._announced = with_room_for(limits, self._sent)  # what may still come
        self._left = limits
        self._files: list[OutputFile] = []
        self._dropped: list[DroppedFile] = []
        self._arrival: _Arrival | None = None  # the file that is being received, or was last

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
        mode, size = _FOUND.unpack_from(payload)
        self._announced = _minus(self._announced, size)
        name = payload[_FOUND.size :]
        original = self._sent.get(_text(name))
        if original is not None and len(original) != size:
            original = None
        self._arrival = _Arrival(name, mode & 0o777, size, original)
        if original is None:
            self._arrival.reason = self._admit(size)

    def _continue_file(self, payload: bytes) -> None:
        arrival = self._arrival
        if arrival is None or len(payload) > arrival.size - arrival.received:
            raise BoxError("The supervisor sent more of a file than its size")
        if arrival.original is not None and not arrival.goes_on_as_sent(payload):
            arrival.reason = self._admit(arrival.size)
            arrival.depart()
        if arrival.original is None and arrival.reason is None:
            arrival.pieces.append(payload)
        arrival.received += len(payload)

    def _finish_file(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is None:
            return
        if not arrival.is_complete:
            raise BoxError("The supervisor sent less of a file than its size")
        name = _text(arrival.name)
        if arrival.original is not None:
            return  # as it was sent
        if arrival.reason is not None:
            self._dropped.append(self._dropped_file(arrival.name, arrival.reason))
        elif _is_usable(name):
            self._files.append(OutputFile(name, arrival.mode, b"".join(arrival.pieces)))
        else:
            self._dropped.append(self._dropped_file(arrival.name, DropReason.NAME))

    def _admit(self, size: int) -> DropReason | None:
        """Count a file, or return why there is no room for it."""
        if self._left.files == 0:
            return DropReason.COUNT
        if size > self._left.file_size:
            return DropReason.FILE_SIZE
        if size > self._left.total_size:
            return DropReason.TOTAL_SIZE
        if not self._hold(size):
            return DropReason.BUSY
        self._left = _minus(self._left, size)
        return None

    def _drop(self, payload: bytes) -> None:
        reason = DROP_REASONS.get(payload[:1])
        # Beside those of DROPPED, each FOUND may end as one.
        if reason is None or len(self._dropped) >= MAX_DROPPED + self._limits.files + len(
            self._sent
        ):
            raise BoxError(f"The supervisor dropped a file for {payload[:1]!r}")
        name = payload[1:]
        if self._arrival is not None and self._arrival.name == name:
            self._arrival = None  # what has come of it is void
        self._finish_file()
        self._dropped.append(self._dropped_file(name, reason))

    def _end(self, payload: bytes) -> None:
        try:
            report = dict(line.split("=", 1) for line in payload.decode("ascii").splitlines())
            end, count = ENDS[report["end"]], int(report["unlisted"][:_MAX_DIGITS])
        except (ValueError, KeyError) as error:
            raise BoxError(f"The supervisor ended a collection with {payload[:200]!r}") from error
        if end is not None and self._arrival is not None and not self._arrival.is_complete:
            self._arrival = None
        self._finish_file()
        self._files.sort(key=lambda file: file.name)
        if count > 0:
            self._dropped.append(DroppedFile("", DropReason.UNLISTED, count))
        if end is not None:
            limits = {DropReason.ENTRIES: MAX_ENTRIES, DropReason.TIME: COLLECT_SECONDS}
            self._dropped.append(DroppedFile("", end, limits.get(end, 0)))
        self.result = Collected(tuple(self._files), tuple(self._dropped))

    def _dropped_file(self, name: bytes, reason: DropReason) -> DroppedFile:
        limits = {
            DropReason.COUNT: self._limits.files,
            DropReason.FILE_SIZE: self._limits.file_size,
            DropReason.TOTAL_SIZE: self._limits.total_size,
        }
        return DroppedFile(_text(name), reason, limits.get(reason, 0))


@dataclass(slots=True)
class _Arrival:
    """A file that is being received.

    `original` is what was sent under its name, as long as nothing else has come. With a `reason`
    the content is not kept.
    """

    name: bytes
    mode: int
    size: int
    original: Content | None
    reason: DropReason | None = None
    received: int = 0
    pieces: list[bytes] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return self.received == self.size

    def goes_on_as_sent(self, payload: bytes) -> bool:
        assert self.original is not None  # noqa: S101
        # No view that lives on: an upload that is mapped could not be closed.
        return self.original[self.received : self.received + len(payload)] == payload

    def depart(self) -> None:
        """Keep what has come until now, since the content is another from here on."""
        assert self.original is not None  # noqa: S101
        if self.reason is None:
            self.pieces.append(self.original[: self.received])
        self.original = None


def _minus(limits: OutputLimits, size: int) -> OutputLimits:
    """Return what is left of limits after a file of this size.

    Raises:
        BoxError: they have no room for it.
    """
    left = dataclasses.replace(limits, files=limits.files - 1, total_size=limits.total_size - size)
    if left.files < 0 or left.total_size < 0 or size > limits.file_size:
        raise BoxError("The supervisor sent more of files than was asked for")
    return left


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _is_usable(name: str) -> bool:
    """Whether a name can be a file below any folder, and be shown."""
    parts = name.split("/")
    return "\ufffd" not in name and name.isprintable() and not {"", ".", ".."} & {*parts}
