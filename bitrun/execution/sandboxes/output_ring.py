"""The last output of a command that goes on, in bounded memory."""

import codecs
from dataclasses import dataclass

from bitrun.model.output import Output, Stream

_PARTIAL = 3  # bytes of UTF-8's longest character, but for the last


@dataclass(frozen=True, slots=True)
class OutputPart:
    """A part of an output: from the byte `offset` to the byte `end`, which it does not include.

    `dropped` are the bytes that were asked for and are not kept any more. To one that `may_grow`
    more may follow.
    """

    offset: int
    end: int
    dropped: int
    output: Output
    may_grow: bool


class OutputRing:
    """The last `size` bytes of both streams, in order of arrival. For one thread at a time.

    Offsets count all bytes of the output from its start, be they kept or not.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._data = bytearray()
        # The stream of each byte. As runs, single bytes in turn would take a hundred times as much.
        self._streams = bytearray()
        self.start = 0

    @property
    def end(self) -> int:
        return self.start + len(self._data)

    def append(self, stream: Stream, data: bytes) -> None:
        self._data += data
        self._streams += (b"\1" if stream is Stream.STDERR else b"\0") * len(data)
        excess = len(self._data) - self._size
        if excess > 0:
            del self._data[:excess], self._streams[:excess]
            self.start += excess

    def read(self, offset: int, limit: int, *, is_complete: bool) -> OutputPart:
        """Return what is kept from an offset on, at most `limit` bytes, and 4 at least.

        Until the output `is_complete`, a character at its end of which bytes are missing is left.
        """
        first = max(offset, self.start)
        last = min(first + max(limit, _PARTIAL + 1), self.end)
        output = Output()
        at = first - self.start
        while at < last - self.start:
            stream = self._streams[at]
            run_end = self._streams.find(1 - stream, at, last - self.start)
            run_end = last - self.start if run_end < 0 else run_end
            data = bytes(self._data[at:run_end])
            if run_end == last - self.start and not (is_complete and last == self.end):
                last -= _partial(data)
                data = data[: last - self.start - at]
            output.append(Stream.STDERR if stream else Stream.STDOUT, data)
            at = run_end
        return OutputPart(first, last, first - offset, output, may_grow=not is_complete)


def _partial(data: bytes) -> int:
    """Return how many bytes at the end begin a character of UTF-8 only."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[-_PARTIAL:])
    return len(decoder.getstate()[0])
