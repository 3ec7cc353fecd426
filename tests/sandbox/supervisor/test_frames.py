import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bitrun.model.errors import BoxError, CommandRejected, FileRejected
from bitrun.model.job import File
from bitrun.model.output import Stream
from bitrun.model.result import Verdict
from bitrun.sandbox.supervisor.client import SupervisorClient
from bitrun.sandbox.supervisor.frames import (
    MAX_CHUNK,
    MAX_PAYLOAD,
    Decoder,
    Frame,
    encode,
    encode_file,
)
from tests.support.stages import stage

STREAM = encode(Frame.STDOUT, b"abc") + encode(Frame.STDERR) + encode(Frame.VERDICT, b"x" * 1000)


@pytest.mark.parametrize("step", [1, 2, 5, 7, 1000, len(STREAM)])
def test_frames_come_whole_however_they_are_cut(step: int) -> None:
    decoder = Decoder()
    frames = [
        frame
        for start in range(0, len(STREAM), step)
        for frame in decoder.feed(STREAM[start : start + step])
    ]
    assert frames == [
        (Stream.STDOUT, b"abc"),
        (Stream.STDERR, b""),
        (Frame.VERDICT, b"x" * 1000),
    ]


@pytest.mark.parametrize("data", [b"?\0\0\0\0", b"o\xff\0\0\0"])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BoxError):
        Decoder().feed(data)


def test_large_files_go_in_chunks() -> None:
    assert list(encode_file(File("n", b"x" * (MAX_CHUNK + 1)))) == [
        encode(Frame.FILE, b"n"),
        encode(Frame.DATA, b"x" * MAX_CHUNK),
        encode(Frame.DATA, b"x"),
    ]


def test_a_mode_is_sent_where_it_is_not_the_usual_one() -> None:
    assert list(encode_file(File("n", b"x", 0o755))) == [
        encode(Frame.FILE, b"n"),
        encode(Frame.DATA, b"x"),
        encode(Frame.MODE, b"\x01\xed"),
    ]


class Forged:
    """A channel from which forged bytes arrive, piece by piece."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def send(self, data: bytes | bytearray) -> None:
        pass

    def receive(self, timeout: float) -> bytes:
        assert timeout > 0
        return self._pieces.pop(0) if self._pieces else b""


HEADERS = st.builds(
    lambda type_byte, size: type_byte + size.to_bytes(4),
    st.sampled_from([frame.value for frame in Frame]) | st.binary(min_size=1, max_size=1),
    st.integers(0, 40) | st.sampled_from([MAX_PAYLOAD, MAX_PAYLOAD + 1, (1 << 32) - 1]),
)
NUMBERS = st.integers(-2, 1 << 70).map(str) | st.text("0123456789-x\n=", max_size=9)
REPORTS = st.fixed_dictionaries(
    {},
    optional={
        key: NUMBERS | st.sampled_from(["none", "wall", "9" * 400, "9" * 5000])
        for key in ("code", "signal", "limit", "oom", "wall_us", "cpu_us", "memory")
    },
).map(lambda report: "".join(f"{key}={value}\n" for key, value in report.items()).encode())
FRAMES = (
    st.builds(encode, st.sampled_from(Frame), st.binary(max_size=40))
    | REPORTS.map(lambda report: encode(Frame.VERDICT, report))
    | NUMBERS.map(lambda number: encode(Frame.CREDIT, number.encode()))
)


@pytest.mark.attack(
    "program",
    "a supervisor's stdout forged: any bytes, in any pieces, instead of its frames",
    "read as frames or refused as a fault of the box, never anything else",
)
@given(st.lists(st.binary(max_size=40) | HEADERS | FRAMES, max_size=8))
@example([encode(Frame.CREDIT, b"9" * 5000)])
@example([encode(Frame.VERDICT, b"signal=0\ncode=0\nlimit=none\noom=0\nwall_us=" + b"9" * 4000)])
def test_whatever_a_forger_says_is_read_or_a_fault_of_the_box(pieces: list[bytes]) -> None:
    client = SupervisorClient(Forged(pieces))
    client.start(stage("true"))
    try:
        while True:
            for event in client.receive():
                assert isinstance(event, Verdict) or event[0] in Stream
    except (BoxError, CommandRejected, FileRejected):
        pass  # at the latest, the box ends before its verdict
