"""Comparison of outputs as SandboxFusion's CommonOJDataset does it."""

from itertools import zip_longest

from bitrun.execution.judging.comparison import Comparator

_TOLERANCE = 1e-5
_SMALLEST = 1e-10


class LineComparator(Comparator):
    """Lines must be equal but for case and white space around them, or be numbers that are close.

    White space around the whole output does not count. Numbers differ relatively to the expected.
    """

    def difference(self, output: bytes, expected: bytes) -> str | None:
        ours, theirs = (_text(each).split("\n") for each in (output, expected))
        for number, (line, other) in enumerate(zip_longest(ours, theirs), 1):
            if line is None or other is None or not _are_equal(line, other):
                return f"line {number} differs"
        return None


def _text(output: bytes) -> str:
    return output.decode(errors="replace").strip()


def _are_equal(line: str, expected: str) -> bool:
    line, expected = line.lower().strip(), expected.lower().strip()
    if line == expected:
        return True
    try:
        ours, theirs = float(line), float(expected)
    except ValueError:
        return False
    return abs(ours - theirs) / max(abs(theirs), _SMALLEST) < _TOLERANCE
