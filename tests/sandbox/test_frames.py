import pytest

from bitrun.faults import BoxFault, CallerFault
from bitrun.jobs import File, Limit
from bitrun.sandbox.frames import (
    CHUNK,
    Decoder,
    Frame,
    decode_verdict,
    encode,
    encode_file,
    encode_stage,
)
from tests.conftest import stage

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
        (Frame.STDOUT, b"abc"),
        (Frame.STDERR, b""),
        (Frame.VERDICT, b"x" * 1000),
    ]


@pytest.mark.parametrize("data", [b"?\0\0\0\0", b"o\xff\0\0\0"])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BoxFault):
        list(Decoder().feed(data))


def test_large_files_go_in_chunks() -> None:
    frames = [encode(Frame.FILE, b"n"), encode(Frame.DATA, b"x" * CHUNK), encode(Frame.DATA, b"x")]
    assert list(encode_file(File("n", b"x" * (CHUNK + 1)))) == frames


@pytest.mark.parametrize("argument", ["a\0w99999999", "x" * (1 << 20), "x" * 131_072])
def test_an_argument_cannot_become_a_field(argument: str) -> None:
    with pytest.raises(CallerFault):
        encode_stage(stage("sh", argument))
    with pytest.raises(CallerFault):
        encode_stage(stage("sh", env={"A": argument}))


def test_too_many_are_refused() -> None:
    with pytest.raises(CallerFault, match="At most 8192 arguments"):
        encode_stage(stage(*["x"] * 8193))
    with pytest.raises(CallerFault, match="1024 variables"):
        encode_stage(stage("sh", env={f"A{number}": "" for number in range(1025)}))


def test_a_verdict_is_read() -> None:
    report = b"code=-1\nsignal=9\nlimit=wall\noom=1\nwall_us=1500\ncpu_us=250\nmemory=4096\n"
    verdict = decode_verdict(report)
    assert (verdict.code, verdict.signal, verdict.limit) == (None, "SIGKILL", Limit.WALL)
    assert (verdict.oom_killed, verdict.wall_ms, verdict.cpu_ms) == (True, 1.5, 0.25)
