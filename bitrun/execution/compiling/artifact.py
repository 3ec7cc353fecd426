"""Artifacts: what a compile stage leaves, and their format on disk.

    offset  size
    0       4     CRC-32 of all that follows, big-endian
    4       4     length of the header, big-endian
    8             the header, JSON: verdict, pieces of output, names of files
                  the output, then the contents of the files

Nothing of it is executed or unpickled: a file that somebody else has written is text and bytes.
"""

import dataclasses
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

from bitrun.model.job import File
from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, StageResult, Verdict

MAX_OUTPUT = 65_536  # bytes of both streams: warnings

_CHECK = struct.Struct(">I")
_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 18  # bytes


class Corrupt(Exception):
    """A file on disk is not what was written."""


def encode(result: StageResult, sent: Sequence[File], left: Sequence[File]) -> list[bytes]:
    """Encode the result of a compile stage, and all files that it has left, in parts.

    Of those that were `sent` to it, and that it has left as they were, only the names are kept.
    """
    before = {file.name: file for file in sent}
    new = [file for file in left if not file.equals(before.get(file.name))]
    pieces = list(result.streams.pieces())
    header = json.dumps(
        {
            "verdict": dataclasses.asdict(result.verdict),
            "pieces": [[stream, len(data)] for stream, data in pieces],
            "same": [file.name for file in left if file.equals(before.get(file.name))],
            "new": [[file.name, file.mode, len(file.content)] for file in new],
        }
    ).encode()
    parts = [
        _LENGTH.pack(len(header)),
        header,
        *(data for _, data in pieces),
        *(bytes(file.content) for file in new),
    ]
    check = 0
    for part in parts:
        check = zlib.crc32(part, check)
    return [_CHECK.pack(check), *parts]


@dataclass(slots=True)
class Artifact:
    """An artifact on disk: its result in memory, its files still to be read. For one thread."""

    result: StageResult
    _same: frozenset[str]
    _new: Sequence[tuple[str, int, int]]
    _file: BinaryIO

    @classmethod
    def read(cls, file: BinaryIO) -> Self:
        """Check a file and read the result; `close` closes the file.

        Raises:
            Corrupt: it is not what was written.
            OSError: it can't be read.
        """
        _check(file)
        header = json.loads(file.read(*_LENGTH.unpack(file.read(_LENGTH.size))))
        streams = Output((Stream(name), file.read(size)) for name, size in header["pieces"])
        result = StageResult("compile", _verdict(header["verdict"]), streams, cached=True)
        return cls(result, frozenset(header["same"]), header["new"], file)

    def files(self, sent: Sequence[File]) -> Iterator[File]:
        """Read the files that were left, one at a time; `sent` are those of the job. Once only."""
        yield from (file for file in sent if file.name in self._same)
        for name, mode, size in self._new:
            yield File(name, self._file.read(size), mode)

    def close(self) -> None:
        self._file.close()


def _check(file: BinaryIO) -> None:
    """Compare the checksum, and leave the file at what follows it."""
    expected = file.read(_CHECK.size)
    found = 0
    while data := file.read(_CHUNK):
        found = zlib.crc32(data, found)
    if expected != _CHECK.pack(found):
        raise Corrupt
    file.seek(_CHECK.size)


def _verdict(fields: dict[str, Any]) -> Verdict:
    return Verdict(**fields | {"outcome": Outcome(fields["outcome"])})
