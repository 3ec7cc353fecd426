"""Files that a program has made: what is asked for, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """Bounds of a collection: the number of files, bytes of each, bytes of all together."""

    files: int
    file_size: int
    total_size: int


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """Files to collect after the last stage of a job.

    A pattern is a relative path. `*`, `?` and `[...]` match within a name, `**` any folders; at the
    end of a pattern `**` matches all files in them.
    """

    patterns: tuple[str, ...]
    limits: OutputLimits


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A regular file of the work directory, as it was when all processes had ended.

    `name` is a relative path without `.` and `..`, printable Unicode. `mode` has the nine
    permission bits.
    """

    name: str
    mode: int
    content: bytes


class DropReason(StrEnum):
    """Why a file that was asked for is missing, in one word for every client."""

    NOT_REGULAR = "not_regular"
    NAME = "name"
    UNREADABLE = "unreadable"
    DEPTH = "depth"
    COUNT = "count"
    FILE_SIZE = "file_size"
    TOTAL_SIZE = "total_size"
    CHANGED = "changed"
    BUSY = "busy"
    # Of all files that were not reached
    ENTRIES = "entries"
    TIME = "time"
    FAILED = "failed"
    # Of dropped files that are not listed
    UNLISTED = "unlisted"


_SENTENCES = {
    DropReason.NOT_REGULAR: "It is a link, fifo, socket or device; only regular files are sent",
    DropReason.NAME: "Its name is not printable Unicode",
    DropReason.UNREADABLE: "Its mode does not allow to read it",
    DropReason.DEPTH: "It is in too many folders, or its path is too long",
    DropReason.COUNT: "At most {limit} files are sent",
    DropReason.FILE_SIZE: "At most {limit} bytes of a file are sent",
    DropReason.TOTAL_SIZE: "At most {limit} bytes of all files together are sent",
    DropReason.CHANGED: "It changed while it was read",
    DropReason.BUSY: "The service has no memory for it now; try again in a moment",
    DropReason.ENTRIES: "Only the first {limit} entries of the work directory were searched",
    DropReason.TIME: "After {limit} s the search for files ended early",
    DropReason.FAILED: "The box ended before all files were sent; its memory may be full",
    DropReason.UNLISTED: "{limit} more files were dropped that are not listed",
}


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file that was asked for and is not sent; `name` is empty where it stands for several.

    Bytes of the name that are no UTF-8 are U+FFFD. `limit` is the number in `message`.
    """

    name: str
    reason: DropReason
    limit: int = 0

    @property
    def message(self) -> str:
        return _SENTENCES[self.reason].format(limit=self.limit)


@dataclass(frozen=True, slots=True)
class Collected:
    """Files in the order of their names, and all that was dropped: nothing is missing silently."""

    files: tuple[OutputFile, ...] = ()
    dropped: tuple[DroppedFile, ...] = ()


# Holds memory for the content of a file of this size, if there is room.
Hold = Callable[[int], bool]


def hold_all(_: int) -> bool:
    """Hold any file."""
    return True
