"""Output of a stage: both streams, in the order in which they were written."""

import codecs
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


_STREAMS = (Stream.STDOUT, Stream.STDERR)


_SLICE = 65_536  # bytes
_MORE = 0x80  # of a byte of a length: another one follows, of the next seven bits


class Output:
    """Bytes of both streams in order of arrival, unchanged.

    They are two objects, however many pieces they arrive in: a program that writes single bytes to
    both streams in turn makes as many pieces as bytes, up to 16 million. As objects of their own
    they would take a hundred times their size, and leave holes in Python's heap.
    """

    __slots__ = ("_data", "_is_stderr", "_last", "_lengths")

    def __init__(self, pieces: Iterable[tuple[Stream, bytes]] = ()) -> None:
        self._data = bytearray()
        # In turn of stdout and of stderr, beginning with stdout, perhaps with nothing: seven bits a
        # byte, the lowest first. The last one is still growing.
        self._lengths = bytearray()
        self._last = 0
        self._is_stderr = False
        for stream, data in pieces:
            self.append(stream, data)

    def append(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        is_stderr = stream is Stream.STDERR
        if is_stderr is not self._is_stderr:
            _write_length(self._lengths, self._last)
            self._last = 0
            self._is_stderr = is_stderr
        self._last += len(data)
        self._data += data

    def pieces(self, largest: int = sys.maxsize) -> Iterator[tuple[Stream, bytes]]:
        """Give the output in order, in pieces as large as possible, up to `largest` bytes."""
        start = 0
        for number, length in enumerate(self._read_lengths()):
            end = start + length
            for place in range(start, end, largest):
                yield _STREAMS[number % 2], bytes(self._data[place : min(place + largest, end)])
            start = end

    def of(self, stream: Stream) -> bytes:
        """Return the bytes of one stream."""
        return b"".join(data for each, data in self.pieces() if each is stream)

    def without_partial_character(self, stream: Stream) -> "Output":
        """Return it without the bytes at a stream's end that begin a character of UTF-8 only."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        size = 0
        for each, data in self.pieces(_SLICE):
            if each is stream:
                decoder.decode(data)
                size += len(data)
        left = size - len(decoder.getstate()[0])
        if left == size:
            return self
        whole = Output()
        for each, data in self.pieces(_SLICE):
            kept = data[:left] if each is stream else data
            whole.append(each, kept)
            left -= len(kept) if each is stream else 0
        return whole

    def _read_lengths(self) -> Iterator[int]:
        length = shift = 0
        for byte in self._lengths:
            length |= (byte & ~_MORE) << shift
            shift += 7
            if not byte & _MORE:
                yield length
                length = shift = 0
        yield self._last

    def __len__(self) -> int:
        return len(self._data)

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Output):
            return NotImplemented
        return list(self.pieces()) == list(other.pieces())

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"Output({list(self.pieces())!r})"


def _write_length(lengths: bytearray, length: int) -> None:
    while length >= _MORE:
        lengths.append(length & ~_MORE & 0xFF | _MORE)
        length >>= 7
    lengths.append(length)
