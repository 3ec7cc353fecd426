"""Output keeps order and bytes, and takes little more memory than its bytes."""

import tracemalloc
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from bitrun.model.output import Output, Stream

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


def test_single_bytes_of_both_streams_in_turn() -> None:
    tracemalloc.start()
    try:
        output = Output()
        for _ in range(65536):
            output.append(Stream.STDOUT, b"o")
            output.append(Stream.STDERR, b"e")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bytes(output)) == 131_072
    assert held < 2_000_000
