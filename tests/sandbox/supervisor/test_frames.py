import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bitrun.model.errors import BoxError, FileRejected, RequestError
from bitrun.model.job import File
from bitrun.model.result import Outcome, Stream, Verdict
from bitrun.sandbox.supervisor.client import SupervisorClient
from bitrun.sandbox.supervisor.frames import (
    CHUNK,
    Decoder,
    Frame,
    decode_verdict,
    encode,
    encode_file,
    encode_stage,
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
    frames = [encode(Frame.FILE, b"n"), encode(Frame.DATA, b"x" * CHUNK), encode(Frame.DATA, b"x")]
    assert list(encode_file(File("n", b"x" * (CHUNK + 1)))) == frames


@pytest.mark.parametrize("argument", ["a\0w99999999", "x" * (1 << 20), "x" * 131_072])
def test_an_argument_cannot_become_a_field(argument: str) -> None:
    with pytest.raises(RequestError):
        encode_stage(stage("sh", argument))
    with pytest.raises(RequestError):
        encode_stage(stage("sh", env={"A": argument}))


def test_too_many_are_refused() -> None:
    with pytest.raises(RequestError, match="At most 8192 arguments"):
        encode_stage(stage(*["x"] * 8193))
    with pytest.raises(RequestError, match="1024 variables"):
        encode_stage(stage("sh", env={f"A{number}": "" for number in range(1025)}))


def test_a_verdict_is_read() -> None:
    report = b"code=-1\nsignal=9\nlimit=wall\noom=1\nwall_us=1500\ncpu_us=250\nmemory=4096\n"
    verdict = decode_verdict(report)
    assert (verdict.code, verdict.signal, verdict.outcome) == (None, "SIGKILL", Outcome.WALL_TIME)
    assert (verdict.oom_killed, verdict.wall_ms, verdict.cpu_ms) == (True, 1.5, 0.25)


class Forged:
    """A channel on which a forger speaks, in pieces as they come."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def send(self, data: bytes | bytearray) -> None:
        pass

    def receive(self, timeout: float) -> bytes:
        assert timeout > 0
        return self._pieces.pop(0) if self._pieces else b""


HEADERS = st.builds(
    lambda kind, size: kind + size.to_bytes(4),
    st.sampled_from([kind.value for kind in Frame]) | st.binary(min_size=1, max_size=1),
    st.integers(0, 40) | st.sampled_from([1 << 20, (1 << 20) + 1, (1 << 32) - 1]),
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
    conversation = SupervisorClient(Forged(pieces))
    conversation.start(stage("true"))
    try:
        while True:
            for event in conversation.receive():
                assert isinstance(event, Verdict) or event[0] in Stream
    except (BoxError, FileRejected):
        pass  # at the latest, the box ends before its verdict
