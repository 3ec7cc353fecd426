"""The two sides of the protocol and its reference agree: C headers, Python, `docs/protocol.md`."""

import re

import pytest

from bitrun.model.errors import BoxError
from bitrun.model.job import TerminalSize
from bitrun.sandbox.supervisor import channels, collection, frames, stage_command
from bitrun.sandbox.supervisor.client import BACKSTOP_SECONDS
from bitrun.sandbox.supervisor.frames import HEADER_SIZE, Frame
from bitrun.sandbox.supervisor.stage_command import encode_stage
from bitrun.sandbox.supervisor.verdict_report import LIMIT_OUTCOMES, decode_verdict
from tests.support.paths import ROOT
from tests.support.stages import stage

SOURCES = ROOT / "images" / "supervisor"
REFERENCE = (ROOT / "docs" / "protocol.md").read_text()

# An enumerator with a value: a letter, a number, or a shift of two numbers.
_ENUMERATOR = re.compile(r"\b([A-Z_]+) = (?:'(.)'|(\d+)(?: << (\d+))?),")
_LIMIT_WORD = re.compile(r'\[(LIMIT_[A-Z]+)\] = "(\w+)"')
_REPORT_KEY = re.compile(r"(?:\"|\\n)(\w+)=[%\"]")
_ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)


def enumerators(header: str) -> dict[str, int]:
    return {
        name: ord(letter) if letter else int(number) << int(shift or 0)
        for name, letter, number, shift in _ENUMERATOR.findall((SOURCES / header).read_text())
    }


def section(title: str) -> str:
    """Return the text below a heading, up to the next heading of any level."""
    return re.split(rf"^#+ {title}$", REFERENCE, flags=re.MULTILINE)[1].split("\n#")[0]


def rows(title: str) -> dict[str, str]:
    """Return the rows of a section's tables whose first cell is code: cell, rest of the row."""
    return dict(_ROW.findall(section(title)))


IN_C = {
    name: value
    for header in ("frames.h", "command.h", "collector.h", "pattern.h", "channels.h")
    for name, value in enumerators(header).items()
}
FIELDS = {
    name.removeprefix("FIELD_"): chr(value)
    for name, value in IN_C.items()
    if name.startswith("FIELD_")
}
REPORT_KEYS = _REPORT_KEY.findall((SOURCES / "verdict.c").read_text())
LIMIT_WORDS = dict(_LIMIT_WORD.findall((SOURCES / "verdict.c").read_text()))


def test_frame_types() -> None:
    in_c = {
        name.removeprefix("FRAME_"): chr(value).encode()
        for name, value in IN_C.items()
        if name.startswith("FRAME_")
    }
    assert in_c == {frame.name: frame.value for frame in Frame}
    documented = {
        name: letter.encode()
        for title in ("To the supervisor", "From the supervisor")
        for letter, row in rows(title).items()
        for name in [row.split(" | ")[0]]
    }
    assert documented == in_c


@pytest.mark.parametrize(
    "name", ["PROTOCOL_VERSION", "HEADER_SIZE", "MAX_PAYLOAD", "MAX_CHUNK", "CREDIT_WINDOW"]
)
def test_sizes_of_frames(name: str) -> None:
    assert getattr(frames, name) == IN_C[name]


@pytest.mark.parametrize("name", ["MAX_ARGUMENTS", "MAX_VARIABLES"])
def test_maxima_of_a_stage(name: str) -> None:
    assert getattr(stage_command, name) == IN_C[name]
    assert f"`{name}` ({IN_C[name]})" in section("Stage command")


def test_documented_sizes() -> None:
    documented = {name: int(row.split(" | ")[0]) for name, row in rows("Frames").items()}
    assert documented.keys() == {"MAX_PAYLOAD", "MAX_CHUNK", "CREDIT_WINDOW", "CREDIT_STEP"}
    assert documented == {name: IN_C[name] for name in documented}
    assert f"`HEADER_SIZE` ({IN_C['HEADER_SIZE']})" in REFERENCE
    assert f"**version {IN_C['PROTOCOL_VERSION']}**" in REFERENCE
    assert f"{BACKSTOP_SECONDS:.0f} s after the wall time limit" in REFERENCE


def test_fields_of_a_stage() -> None:
    size = TerminalSize(rows=55, columns=66)
    example = stage("cat", "x", wall_ms=11, cpu_ms=22, output=33, stack=44, merge=True, tty=size)
    payload = encode_stage(example, interactive=True)[HEADER_SIZE:].decode()
    encoded = [(field[0], field[1:]) for field in payload.split("\0")[:-1]]
    assert sorted(encoded) == sorted(
        [
            (FIELDS["ARGUMENT"], "cat"),
            (FIELDS["ARGUMENT"], "x"),
            (FIELDS["VARIABLE"], f"PATH={example.env['PATH']}"),
            (FIELDS["WALL_LIMIT"], "11"),
            (FIELDS["CPU_LIMIT"], "22"),
            (FIELDS["STDOUT_CAP"], "33"),
            (FIELDS["STDERR_CAP"], "33"),
            (FIELDS["STACK_LIMIT"], "44"),
            (FIELDS["MERGE"], "1"),
            (FIELDS["INTERACTIVE"], "1"),
            (FIELDS["TERMINAL"], "55x66"),
        ]
    )
    assert {letter for letter, _ in encoded} == set(FIELDS.values())
    assert rows("Stage command").keys() == set(FIELDS.values())


@pytest.mark.parametrize(
    "name", ["MAX_PATTERNS", "MAX_SEGMENTS", "MAX_DROPPED", "MAX_ENTRIES", "COLLECT_SECONDS",
             "MAX_DEPTH", "MAX_PATH"]
)  # fmt: skip
def test_maxima_of_a_collection(name: str) -> None:
    assert getattr(collection, name, IN_C[name]) == IN_C[name]
    assert f"`{name}` ({IN_C[name]})" in section("Files of a job")


def test_reasons_to_drop_a_file() -> None:
    in_c = {chr(value) for name, value in IN_C.items() if name.startswith("DROP_")}
    assert len(in_c) == sum(name.startswith("DROP_") for name in IN_C)
    assert {letter.decode() for letter in collection.DROP_REASONS} == in_c
    assert rows("Files of a job").keys() == in_c | {"end", "unlisted"}


def test_sizes_of_channels() -> None:
    documented = {name: int(row.split(" | ")[0]) for name, row in rows("Channels").items()}
    assert documented.keys() == {"CHANNEL_HEADER_SIZE", "MAX_CHANNELS", "CHANNEL_WINDOW"}
    assert documented == {name: IN_C[name] for name in documented}
    assert documented == {name: getattr(channels, name) for name in documented}


def test_ends_of_a_collection() -> None:
    sources = (SOURCES / "collector.c").read_text() + (SOURCES / "collection.c").read_text()
    words = {*re.findall(r'finish\("(\w+)"\)|"end=(\w+)\\n', sources)}
    in_c = {a or b for a, b in words}
    assert in_c == collection.ENDS.keys()
    assert {*re.findall(r"`([a-z]+)`", rows("Files of a job")["end"])} == in_c


def test_keys_of_a_verdict() -> None:
    assert len(REPORT_KEYS) == len(set(REPORT_KEYS)) == 7
    assert rows("Verdict").keys() == set(REPORT_KEYS)
    decode_verdict(report(REPORT_KEYS))
    for missing in REPORT_KEYS:
        with pytest.raises(BoxError):
            decode_verdict(report([key for key in REPORT_KEYS if key != missing]))


def report(keys: list[str]) -> bytes:
    lines = [f"{key}=none\n" if key == "limit" else f"{key}=0\n" for key in keys]
    return "".join(lines).encode()


def test_words_of_limits() -> None:
    enumerated = re.findall(r"\bLIMIT_[A-Z]+\b", (SOURCES / "limits.h").read_text())
    assert LIMIT_WORDS.keys() == set(enumerated)
    assert LIMIT_OUTCOMES.keys() == set(LIMIT_WORDS.values())
    documented = re.findall(r"`(\w+)`", rows("Verdict")["limit"])
    assert sorted(documented) == sorted(LIMIT_WORDS.values())


def test_modules_of_the_supervisor_use_only_those_below() -> None:
    """As `supervisor.c` lists them; `files.c` and `writer.c` once needed each other."""
    opening = (SOURCES / "supervisor.c").read_text().split("Modules, from the top down")[1]
    order = re.findall(r"^ \*   (\w+) ", opening.split("*/")[0], re.MULTILINE)
    files = [path for suffix in "ch" for path in SOURCES.glob(f"*.{suffix}")]
    assert {path.stem for path in files} == set(order)
    for path in files:
        above = order[: order.index(path.stem)]
        included = re.findall(r'^#include "(\w+)\.h"$', path.read_text(), re.MULTILINE)
        assert not set(included) & set(above), path.name
