"""The last output of a command in the background."""

import random

import pytest

from bitrun.execution.sandboxes.output_ring import OutputRing
from bitrun.model.output import Output, Stream

OUT, ERR = Stream.STDOUT, Stream.STDERR


def ring(*pieces: tuple[Stream, bytes], size: int = 100) -> OutputRing:
    made = OutputRing(size)
    for stream, data in pieces:
        made.append(stream, data)
    return made


def test_all_of_it_in_order() -> None:
    pieces = [(OUT, b"one "), (ERR, b"two "), (OUT, b"three")]
    part = ring(*pieces).read(0, 1000, is_complete=True)
    assert list(part.output.pieces()) == pieces
    assert (part.offset, part.end, part.dropped, part.may_grow) == (0, 13, 0, False)


def test_the_first_is_dropped() -> None:
    made = ring((OUT, b"0123456789"), (ERR, b"abc"), size=5)
    assert (made.start, made.end) == (8, 13)
    part = made.read(2, 1000, is_complete=False)
    assert list(part.output.pieces()) == [(OUT, b"89"), (ERR, b"abc")]
    assert (part.offset, part.end, part.dropped) == (8, 13, 6)


def test_one_piece_larger_than_the_ring() -> None:
    made = ring((OUT, bytes(1000) + b"end"), size=3)
    assert bytes(made.read(0, 1000, is_complete=True).output) == b"end"
    assert made.start == 1000


def test_in_parts() -> None:
    made = ring((OUT, b"0123456789"), (ERR, b"abc"))
    part = made.read(8, 4, is_complete=False)
    assert list(part.output.pieces()) == [(OUT, b"89"), (ERR, b"ab")]
    part = made.read(part.end, 4, is_complete=False)
    assert (bytes(part.output), part.end) == (b"c", 13)
    assert len(made.read(13, 4, is_complete=False).output) == 0


@pytest.mark.parametrize("character", ["é", "€", "🦊"])
def test_no_character_is_cut(character: str) -> None:
    encoded = character.encode()
    for cut in range(1, len(encoded)):
        made = ring((OUT, b"a" + encoded[:cut]))
        part = made.read(0, 1000, is_complete=False)
        assert (bytes(part.output), part.end) == (b"a", 1)
        assert len(made.read(1, 1000, is_complete=False).output) == 0
        made.append(OUT, encoded[cut:])
        assert bytes(made.read(1, 1000, is_complete=False).output) == encoded
        # At its end it comes as it is.
        torn = ring((OUT, encoded[:cut])).read(0, 1000, is_complete=True)
        assert bytes(torn.output) == encoded[:cut]


def test_what_is_no_text_makes_progress() -> None:
    made = ring((OUT, b"\x80\xff" * 20))
    at, parts = 0, b""
    while (part := made.read(at, 4, is_complete=True)).end > at:
        at, parts = part.end, parts + bytes(part.output)
    assert parts == b"\x80\xff" * 20


def test_it_is_what_was_written() -> None:
    """Against an Output without bounds."""
    chosen = random.Random(7)  # noqa: S311  the same each time
    made, whole = OutputRing(64), b""
    streams: list[Stream] = []
    for _ in range(300):
        stream, data = chosen.choice((OUT, ERR)), chosen.randbytes(chosen.randrange(9))
        data = data.replace(b"\xff", b"x").translate(bytes(each & 127 for each in range(256)))
        made.append(stream, data)
        whole += data
        streams += [stream] * len(data)
        offset = chosen.randrange(len(whole) + 1)
        part = made.read(offset, chosen.randrange(4, 80), is_complete=False)
        expected = Output((streams[at], whole[at : at + 1]) for at in range(part.offset, part.end))
        assert part.output == expected
        assert part.offset == max(offset, len(whole) - 64)
        assert part.dropped == part.offset - offset
