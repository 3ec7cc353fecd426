"""Comparison of outputs: a table, and outputs as large as they get."""

import tracemalloc

import pytest

from bitrun.execution.judging.comparison import Comparator, Comparison

EXACT, LINES, TOKENS, NUMBERS = Comparison

SAME: list[tuple[Comparison, bytes, bytes]] = [
    (EXACT, b"", b""),
    (EXACT, b"a\n", b"a\n"),
    (EXACT, b"\xff\x00", b"\xff\x00"),
    (LINES, b"a\n", b"a"),
    (LINES, b"a", b"a\n\n\n"),
    (LINES, b"a  \nb\t\n", b"a\nb"),
    (LINES, b"a\r\nb\r\n", b"a\nb\n"),
    (LINES, b"\n \n", b""),
    (LINES, b"\n\na", b"\n \na"),
    (LINES, "naïve 日本\n".encode(), "naïve 日本".encode()),
    (TOKENS, b" a\n\nb", b"a b\n"),
    (TOKENS, b"a\x0bb\x0c", b"a b"),
    (TOKENS, b"", b" \n"),
    (NUMBERS, b"1.0000001 x", b"1 x"),
    (NUMBERS, b"1000001", b"1000000"),  # relative
    (NUMBERS, b"0.0000001", b"0"),  # absolute
    (NUMBERS, b"-0.0", b"0"),
    (NUMBERS, b"1e3", b"1000"),
    (NUMBERS, b"+5. .5", b"5 0.5"),
    (NUMBERS, b"NaN", b"nan"),
    (NUMBERS, b"-nan", b"nan"),
    (NUMBERS, b"Infinity -INF", b"inf -inf"),
    (NUMBERS, b"1" * 400, b"1" * 400),
    (NUMBERS, b"1e400", b"10e399"),
    (NUMBERS, b"1e-999999999", b"0"),
    (NUMBERS, b"1" * 5000 + b"2", b"1" * 5000 + b"3"),
    (NUMBERS, b"word", b"word"),
]
DIFFERENT: list[tuple[Comparison, bytes, bytes, str]] = [
    (EXACT, b"a", b"a\n", "byte 2: expected '\\n', got the end"),
    (EXACT, b"a\r\n", b"a\n", "byte 2: expected '\\n', got '\\r\\n'"),
    (EXACT, b"", b"\0", "byte 1: expected '\\x00', got the end"),
    (LINES, b"a\n c", b"a\nc", "line 2: expected 'c', got ' c'"),
    (LINES, b"a\n\nb", b"a\nb", "line 2: expected 'b', got ''"),
    (LINES, b"a", b"a\nb", "line 2: expected 'b', got the end"),
    (LINES, b"a\nb\n", b"a\n", "line 2: expected the end, got 'b'"),
    (LINES, b"A", b"a", "line 1: expected 'a', got 'A'"),
    (LINES, b"a\rb", b"a\nb", "line 1: expected 'a', got 'a\\rb'"),
    (LINES, "e\u0301".encode(), "\u00e9".encode(), "line 1: expected 'é', got 'e\u0301'"),
    (LINES, b"\xff", "\ufffd".encode(), "line 1: expected '\ufffd', got '\ufffd'"),
    (TOKENS, b"a b", b"a c", "word 2: expected 'c', got 'b'"),
    (TOKENS, b"a\xc2\xa0b", b"a b", "word 1: expected 'a', got 'a\\xa0b'"),
    (TOKENS, b"1.0", b"1", "word 1: expected '1', got '1.0'"),
    (NUMBERS, b"1.00001", b"1", "word 1: expected '1', got '1.00001'"),
    (NUMBERS, b"nan", b"1", "word 1: expected '1', got 'nan'"),
    (NUMBERS, b"1", b"nan", "word 1: expected 'nan', got '1'"),
    (NUMBERS, b"inf", b"-inf", "word 1: expected '-inf', got 'inf'"),
    (NUMBERS, b"1e308", b"inf", "word 1: expected 'inf', got '1e308'"),
    (NUMBERS, b"1e400", b"1e500", "word 1: expected '1e500', got '1e400'"),
    (NUMBERS, b"1_000", b"1000", "word 1: expected '1000', got '1_000'"),
    (NUMBERS, "\u0661".encode(), b"1", "word 1: expected '1', got '\u0661'"),
    (NUMBERS, b"0x10", b"16", "word 1: expected '16', got '0x10'"),
    (NUMBERS, b"1e99999999999999999999", b"1", "word 1: expected '1', got '1e99999999999999999999'"),
    (NUMBERS, b"1 2", b"1", "word 2: expected the end, got '2'"),
]  # fmt: skip


@pytest.mark.parametrize(("comparison", "output", "expected"), SAME)
def test_the_same(comparison: Comparison, output: bytes, expected: bytes) -> None:
    assert Comparator(comparison).difference(output, expected) is None


@pytest.mark.parametrize(("comparison", "output", "expected", "sentence"), DIFFERENT)
def test_different(comparison: Comparison, output: bytes, expected: bytes, sentence: str) -> None:
    assert Comparator(comparison).difference(output, expected) == sentence


@pytest.mark.parametrize(
    ("tolerance", "output", "expected", "is_same"),
    [
        (0.0, b"1.0", b"1", True),
        (0.0, b"1.0000000000000000000000000000000000000001", b"1", False),
        (0.5, b"1.5", b"1", True),
        (0.1, b"110", b"100", True),
        (0.1, b"110.1", b"100", False),
        (1e-9, b"100000000000000000000001", b"100000000000000000000000", True),
    ],
)
def test_a_tolerance(tolerance: float, output: bytes, expected: bytes, is_same: bool) -> None:
    difference = Comparator(NUMBERS, tolerance).difference(output, expected)
    assert (difference is None) is is_same


@pytest.mark.parametrize("comparison", Comparison)
@pytest.mark.parametrize("piece", [b"1 ", b"\n", b"x", b"1\r\n", b"9"])
def test_large_outputs(comparison: Comparison, piece: bytes) -> None:
    output = piece * 100_000
    expected = output + b"2"
    comparator = Comparator(comparison)
    tracemalloc.start()
    sentence = comparator.difference(output, expected)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sentence is not None
    assert len(sentence) < 200
    assert peak < 4 * len(output) + 100_000
