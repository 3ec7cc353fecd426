"""Output keeps order and bytes, and takes little more memory than its bytes."""

import tracemalloc
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrun.api.http.body import OUTPUT_FACTOR
from bitrun.model.output import Output, Stream

SIZE = 1 << 18
PIECES = st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=3)))


@given(PIECES)
def test_order_and_bytes_are_kept(pieces: list[tuple[Stream, bytes]]) -> None:
    output = Output(pieces)
    assert bytes(output) == b"".join(data for _, data in pieces)
    for stream in Stream:
        assert output.of(stream) == b"".join(data for each, data in pieces if each is stream)
    written = [piece for piece in pieces if piece[1]]
    assert list(output.pieces()) == [
        (stream, b"".join(data for _, data in group))
        for stream, group in groupby(written, lambda piece: piece[0])
    ]
    assert output == Output(output.pieces())


@given(PIECES, st.integers(min_value=1, max_value=4))
def test_pieces_have_a_largest_size(pieces: list[tuple[Stream, bytes]], largest: int) -> None:
    output = Output(pieces)
    assert Output(output.pieces(largest)) == output
    assert all(0 < len(data) <= largest for _, data in output.pieces(largest))


def test_long_pieces() -> None:
    pieces = [
        (stream, bytes([number]) * size)
        for number, (stream, size) in enumerate(
            zip(
                list(Stream) * 4,
                (127, 128, 129, 16_383, 16_384, 100_000, 1, 3_000_000),
                strict=True,
            )
        )
    ]
    assert list(Output(pieces).pieces()) == pieces


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a", b"a"), ("aä", "aä".encode()), ("aä"[:1], b"a"),
        (b"a\xc3", b"a"), (b"a\xe2\x82", b"a"), (b"\xf0\x9f\x98", b""), (b"\xf0\x9f", b""),
        (b"a\x82", b"a\x82"), (b"\xff", b"\xff"), (b"", b""), ("€".encode(), "€".encode()),
    ],
)  # fmt: skip
def test_a_character_that_is_cut_in_two(written: bytes | str, kept: bytes) -> None:
    data = written.encode() if isinstance(written, str) else written
    for after in ([], [(Stream.STDERR, b"\xc3")]):
        pieces = [
            (Stream.STDOUT, data[:1]),
            (Stream.STDERR, b"e"),
            (Stream.STDOUT, data[1:]),
            *after,
        ]
        whole = Output(pieces).without_partial_character(Stream.STDOUT)
        assert whole.of(Stream.STDOUT) == kept
        assert whole.of(Stream.STDERR) == b"e" + b"".join(each for _, each in after)


def test_single_bytes_of_both_streams_in_turn() -> None:
    tracemalloc.start()
    try:
        output = Output()
        for _ in range(SIZE):
            output.append(Stream.STDOUT, b"o")
            output.append(Stream.STDERR, b"e")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(output) == 2 * SIZE
    assert held < OUTPUT_FACTOR * len(output)
