"""Compares the output of a program with the expected one, as judges do.

Everything works on bytes, so output that is no UTF-8 is only equal to the same bytes. White space
is that of ASCII. Nothing is split as a whole: 10 MB of short words would become 300 MB of objects.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from enum import StrEnum
from itertools import zip_longest

DEFAULT_TOLERANCE = 1e-6

_MAX_QUOTED = 40  # characters of each side in a sentence
_WORD = re.compile(rb"\S+")
_NUMBER = re.compile(
    rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|[+-]?(?:inf(?:inity)?|nan)",
    re.IGNORECASE,
)
_END = b"the end"

# Signals nothing: what can't be computed is NaN, which is within no tolerance.
_ARITHMETIC = Context(prec=30, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


class Comparison(StrEnum):
    """How outputs are compared."""

    EXACT = "exact"  # byte by byte
    LINES = "lines"  # without white space at the end of each line, and empty lines at the end
    TOKENS = "tokens"  # words, with any white space between them
    NUMBERS = "numbers"  # as words, but numbers may differ by a tolerance


@dataclass(frozen=True, slots=True)
class Comparator:
    """A comparison. `tolerance` is that of numbers, absolute or relative to the expected one."""

    comparison: Comparison = Comparison.LINES
    tolerance: float = DEFAULT_TOLERANCE

    def difference(self, output: bytes, expected: bytes) -> str | None:
        """Describe the first difference in a sentence of bounded length; None if there is none."""
        if output == expected:
            return None
        match self.comparison:
            case Comparison.EXACT:
                return _different_bytes(output, expected)
            case Comparison.LINES:
                return _first("line", _lines(output), _lines(expected), bytes.__eq__)
            case Comparison.TOKENS:
                return _first("word", _words(output), _words(expected), bytes.__eq__)
            case Comparison.NUMBERS:
                tolerance = Decimal(repr(self.tolerance))  # not the binary value
                return _first(
                    "word",
                    _words(output),
                    _words(expected),
                    lambda word, other: word == other or _are_close(word, other, tolerance),
                )


def _different_bytes(output: bytes, expected: bytes) -> str:
    shorter = min(len(output), len(expected))
    # Halved rather than walked: a loop over bytes takes a second for 10 MB.
    low, high = 0, shorter
    while low < high:
        middle = (low + high + 1) // 2
        if output[low:middle] == expected[low:middle]:
            low = middle
        else:
            high = middle - 1
    place = slice(low, low + _MAX_QUOTED)
    return _sentence(f"byte {low + 1}", output[place] or None, expected[place] or None)


def _first(
    kind: str,
    output: Iterator[bytes],
    expected: Iterator[bytes],
    are_equal: Callable[[bytes, bytes], bool],
) -> str | None:
    for number, (ours, theirs) in enumerate(zip_longest(output, expected), 1):
        if ours is None or theirs is None or not are_equal(ours, theirs):
            return _sentence(f"{kind} {number}", ours, theirs)
    return None


def _lines(text: bytes) -> Iterator[bytes]:
    """Give the lines without white space at their ends, up to the last that is not empty."""
    text = text.rstrip()
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end].rstrip()
        start = end + 1


def _words(text: bytes) -> Iterator[bytes]:
    return (found[0] for found in _WORD.finditer(text))


def _are_close(output: bytes, expected: bytes, tolerance: Decimal) -> bool:
    ours, theirs = _number(output), _number(expected)
    if ours is None or theirs is None:
        return False
    if ours.is_nan() or theirs.is_nan():
        return ours.is_nan() and theirs.is_nan()
    if ours.is_infinite() or theirs.is_infinite():
        return ours == theirs
    if ours == theirs:
        return True
    distance = _ARITHMETIC.abs(_ARITHMETIC.subtract(ours, theirs))
    margin = _ARITHMETIC.multiply(tolerance, _ARITHMETIC.abs(theirs))
    return distance <= max(tolerance, margin)


def _number(word: bytes) -> Decimal | None:
    """Return the exact value of a word; None if it is no number, or one beyond all bounds.

    Not float: 1e400 and 1e500 would be equal, as would be long integers that are not.
    """
    if not _NUMBER.fullmatch(word):
        return None
    try:
        return Decimal(word.decode())
    except InvalidOperation:
        return None


def _sentence(place: str, output: bytes | None, expected: bytes | None) -> str:
    return f"{place}: expected {_quoted(expected)}, got {_quoted(output)}"


def _quoted(text: bytes | None) -> str:
    if text is None:
        return _END.decode()
    # Four bytes a character at most, so that a long line is not decoded as a whole.
    decoded = text[: 4 * _MAX_QUOTED].decode(errors="replace")
    cut = "…" if len(decoded) > _MAX_QUOTED or len(text) > 4 * _MAX_QUOTED else ""
    return repr(decoded[:_MAX_QUOTED]) + cut
