"""Artifacts: what is written is read again, or it is corrupt."""

import io
from collections.abc import Sequence

import pytest

from bitrun.execution.compiling.artifact import Artifact, Corrupt, encode
from bitrun.model.job import File
from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, StageResult, Verdict

VERDICT = Verdict(
    Outcome.OK, 0, None, oom_killed=False, wall_ms=812.5, cpu_ms=700.25, memory=1 << 26
)
OUTPUT = Output([(Stream.STDERR, b"warning\xff"), (Stream.STDOUT, b"note"), (Stream.STDERR, b"!")])
RESULT = StageResult("compile", VERDICT, OUTPUT)
SENT = (File("a.c", b"int x;"), File("run.sh", b"./a"), File("gone.h", b""))
LEFT = (
    File("a", bytes(range(256)) * 9, 0o755),
    File("a.c", b"int x;"),
    File("out/deep/é.class", b"", 0o400),
    File("run.sh", b"./a", 0o755),
)


def written(left: Sequence[File] = LEFT) -> bytes:
    return b"".join(encode(RESULT, SENT, left))


def read(data: bytes) -> Artifact:
    return Artifact.read(io.BytesIO(data))


def test_files() -> None:
    """Also that a file of the request is gone, and that another one has a new mode."""
    found = sorted(read(written()).files(SENT), key=lambda file: file.name)
    assert found == sorted(LEFT, key=lambda file: file.name)


def test_result() -> None:
    result = read(written()).result
    assert (result.name, result.verdict, result.cached) == ("compile", VERDICT, True)
    assert list(result.streams.pieces()) == list(OUTPUT.pieces())


def test_unchanged_files_are_not_written() -> None:
    data = written([*LEFT, File("gone.h", b"")])
    assert b"int x;" not in data
    assert len(data) < len(LEFT[0].content) + 1000


def test_nothing_is_left() -> None:
    assert list(read(written([])).files(SENT)) == []


def test_whatever_is_changed_on_disk_is_noticed() -> None:
    data = written()
    for place in range(0, len(data), 7):
        broken = bytearray(data)
        broken[place] ^= 0x10
        with pytest.raises(Corrupt):
            read(bytes(broken))


@pytest.mark.parametrize("size", [0, 3, 4, 100, len(written()) - 1])
def test_a_part_is_corrupt(size: int) -> None:
    with pytest.raises(Corrupt):
        read(written()[:size])


def test_a_pickle_is_corrupt() -> None:
    with pytest.raises(Corrupt):
        read(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
