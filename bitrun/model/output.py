"""Output of a stage: both streams, in the order in which they were written."""

from array import array
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


_STREAMS = (Stream.STDOUT, Stream.STDERR)


class Output:
    """Bytes of both streams in order of arrival, unchanged.

    They are two objects, however many pieces they arrive in: a program that writes single bytes to
    both streams in turn makes 131,072 pieces, which would take 14 MB as objects of their own, and
    leave holes in Python's heap.
    """

    __slots__ = ("_data", "_lengths")

    def __init__(self, pieces: Iterable[tuple[Stream, bytes]] = ()) -> None:
        self._data = bytearray()
        # In turn of stdout and of stderr, beginning with stdout, perhaps with nothing.
        self._lengths = array("L")
        for stream, data in pieces:
            self.append(stream, data)

    def append(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        lengths = self._lengths
        is_stderr = stream is Stream.STDERR
        if not lengths and is_stderr:
            lengths.append(0)
        if len(lengths) % 2 == is_stderr:
            lengths.append(0)
        lengths[-1] += len(data)
        self._data += data

    def pieces(self) -> Iterator[tuple[Stream, bytes]]:
        """Give the output in order, in pieces as large as possible."""
        start = 0
        for number, length in enumerate(self._lengths):
            if length:
                yield _STREAMS[number % 2], bytes(self._data[start : start + length])
            start += length

    def of(self, stream: Stream) -> bytes:
        """Return the bytes of one stream."""
        return b"".join(data for each, data in self.pieces() if each is stream)

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Output):
            return NotImplemented
        return list(self.pieces()) == list(other.pieces())

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        return f"Output({list(self.pieces())!r})"
