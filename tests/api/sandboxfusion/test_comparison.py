"""Which outputs are accepted."""

import pytest

from bitrun.api.sandboxfusion.comparison import LineComparator


@pytest.mark.parametrize(
    ("output", "expected", "accepted"),
    [
        (b"1\n2\n", b"1\n2", True),
        (b"  Yes \nno", b"yes\n NO\n\n", True),
        (b"1.000001", b"1", True),
        (b"1.0001", b"1", False),
        (b"0.00000000000000001", b"0", True),
        (b"1 2", b"1  2", False),
        (b"1\n\n2", b"1\n2", False),
        (b"", b"", True),
        (b"", b"x", False),
        (b"x", b"", False),
        (b"nan", b"NaN", True),
        (b"inf", b"1", False),
        (b"1e999", b"-1e999", False),
        (b"\xff", b"\xff", True),
        (b"1_0", b"10", True),
    ],
)
def test_comparison(output: bytes, expected: bytes, accepted: bool) -> None:
    assert (LineComparator().difference(output, expected) is None) == accepted
