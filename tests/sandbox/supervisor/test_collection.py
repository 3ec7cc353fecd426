"""Files that a program has made, by the real supervisor without Docker."""

import mmap
import os
import re
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bitrun.model.errors import BoxError, RequestError
from bitrun.model.job import File
from bitrun.model.output_files import (
    Collected,
    DroppedFile,
    DropReason,
    OutputFile,
    OutputLimits,
)
from bitrun.sandbox.supervisor.client import SupervisorClient
from bitrun.sandbox.supervisor.collection import (
    FRAMES,
    MAX_DROPPED,
    MAX_ENTRIES,
    MAX_PATTERNS,
    MAX_SEGMENTS,
    Collection,
    encode_collect,
)
from bitrun.sandbox.supervisor.frames import Decoder, Frame, encode
from tests.support.stages import stage
from tests.support.supervisor_process import UID, SupervisorProcess

MEBIBYTE = 1 << 20
LIMITS = OutputLimits(files=1000, file_size=4 * MEBIBYTE, total_size=8 * MEBIBYTE)


def made(supervisor: SupervisorProcess, script: str) -> None:
    verdict, _, stderr = supervisor.run("bash", "-c", script, wall_ms=60_000)
    assert (verdict.code, stderr) == (0, b"")


def names(collected: Collected) -> list[str]:
    return [file.name for file in collected.files]


def dropped(collected: Collected) -> dict[str, DropReason]:
    return {file.name: file.reason for file in collected.dropped}


def test_files_come_with_mode_and_content(supervisor: SupervisorProcess) -> None:
    made(
        supervisor,
        "mkdir -p out/deep empty; printf abc >out/deep/a; printf x >x; : >out/zero;"
        " chmod 755 x; chmod 400 out/zero; head -c 300000 /dev/zero >large",
    )
    assert supervisor.client.collect(["**"], LIMITS) == Collected(
        (
            OutputFile("large", 0o644, bytes(300_000)),
            OutputFile("out/deep/a", 0o644, b"abc"),
            OutputFile("out/zero", 0o400, b""),
            OutputFile("x", 0o755, b"x"),
        )
    )


def test_files_of_a_program_that_was_killed(supervisor: SupervisorProcess) -> None:
    verdict, _, _ = supervisor.run("sh", "-c", "echo a >a; kill -9 $$")
    assert verdict.signal == "SIGKILL"
    assert names(supervisor.client.collect(["a"], LIMITS)) == ["a"]


def test_stages_and_collections_take_turns(supervisor: SupervisorProcess) -> None:
    for number in range(3):
        made(supervisor, f"echo {number} >file")
        for _ in range(2):
            collected = supervisor.client.collect(["file"], LIMITS)
            assert collected.files[0].content == f"{number}\n".encode()


def test_a_descriptor_of_the_collection_is_not_left(supervisor: SupervisorProcess) -> None:
    made(supervisor, "echo a >a")
    supervisor.client.collect(["a"], LIMITS)
    descriptors = Path(f"/proc/{supervisor.pid}/fd")
    before = sorted(descriptors.iterdir())
    for _ in range(10):
        supervisor.client.collect(["a"], LIMITS)
    assert sorted(descriptors.iterdir()) == before


# Patterns

TREE = [
    "a", "b.txt", "c.png", ".hidden", "é.png", "[", "x-y", "out/a", "out/b.png", "out/deep/a",
    "out/deep/deeper/c.png", "other/a", "other/.git/b.txt",
]  # fmt: skip


@pytest.fixture
def tree(supervisor: SupervisorProcess, workdir: Path) -> SupervisorProcess:
    for name in TREE:
        path = workdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return supervisor


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a", ["a"]),
        ("none", []),
        ("out", []),
        ("*", ["a", "b.txt", "c.png", ".hidden", "é.png", "[", "x-y"]),
        ("*.png", ["c.png", "é.png"]),
        ("?.png", ["c.png", "é.png"]),
        ("[a-c]*", ["a", "b.txt", "c.png"]),
        ("[!a-c.]*", ["é.png", "[", "x-y"]),
        ("[ê-é]*", []),
        ("[è-ê].png", ["é.png"]),
        ("[", ["["]),
        ("[[]", ["["]),
        ("[]a]", ["a"]),
        ("x[a-]y", ["x-y"]),
        ("**", TREE),
        ("**/*", TREE),
        ("**/**", TREE),
        ("**/a", ["a", "out/a", "out/deep/a", "other/a"]),
        ("out/**", ["out/a", "out/b.png", "out/deep/a", "out/deep/deeper/c.png"]),
        ("out/*", ["out/a", "out/b.png"]),
        ("out/**/a", ["out/a", "out/deep/a"]),
        ("*/a", ["out/a", "other/a"]),
        ("**/deep/**/*.png", ["out/deep/deeper/c.png"]),
        ("a/**", []),
        ("***", ["a", "b.txt", "c.png", ".hidden", "é.png", "[", "x-y"]),
    ],
)
def test_patterns(tree: SupervisorProcess, pattern: str, expected: list[str]) -> None:
    assert names(tree.client.collect([pattern], LIMITS)) == sorted(expected)


def test_of_several_patterns_one_suffices(tree: SupervisorProcess) -> None:
    assert names(tree.client.collect(["a", "*/deep/*", "a*"], LIMITS)) == ["a", "out/deep/a"]


def matches(pattern: str, path: str) -> bool:
    """Compare as the supervisor does, by a regular expression."""
    *folders, last = pattern.split("/")
    expression = "".join(
        "(?:[^/]+/)*" if segment == "**" else _segment(segment) + "/" for segment in folders
    )
    expression += ".+" if last == "**" else _segment(last)
    return re.fullmatch(expression, path, re.DOTALL) is not None


def _segment(segment: str) -> str:
    expression, rest = "", segment
    while rest:
        found = re.match(r"\[(!?)(\]?[^\]]*)\]", rest)
        if found and found[2]:
            members = re.sub(r"([\\\[\]^])", r"\\\1", found[2])
            expression += f"[{'^' * len(found[1])}{members}]"
            rest = rest[found.end() :]
            continue
        special = {"*": "[^/]*", "?": "[^/]"}
        expression += special.get(rest[0], re.escape(rest[0]))
        rest = rest[1:]
    return expression


NAMES = st.text("ab[]é", min_size=1, max_size=4)
SEGMENTS = st.just("**") | st.text("ab*?[]!é", min_size=1, max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    paths=st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=8),
    pattern=st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join),
)
@example(paths=[["a"] * 20], pattern="/".join(["**", "a"] * 15))
def test_any_pattern(
    supervisor: SupervisorProcess, workdir: Path, paths: list[list[str]], pattern: str
) -> None:
    root = workdir / f"{len(list(workdir.iterdir()))}-root"
    for parts in paths:
        path = root.joinpath(*parts)
        if not any(each.is_file() for each in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    there = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    collected = supervisor.client.collect([f"{root.name}/{pattern}"], LIMITS)
    assert names(collected) == sorted(
        f"{root.name}/{path}" for path in there if matches(pattern, path)
    )


@pytest.mark.attack("request", "a pattern of files with a hundred stars", "no slower than others")
def test_a_pattern_of_many_stars(supervisor: SupervisorProcess) -> None:
    """A regular expression would take longer than the universe."""
    made(supervisor, f"touch {'a' * 200}")
    collected = supervisor.client.collect(["*a" * 100 + "b", "**/" + "*a*?" * 60 + "b/**"], LIMITS)
    assert collected == Collected()


@pytest.mark.parametrize(
    "pattern",
    ["", "/etc/passwd", "../a", "a/../../b", "a//b", "out/", "./a", "a\0b", "a/" * 40, "a" * 4096],
)
def test_a_pattern_that_is_no_path_of_the_work_directory(pattern: str) -> None:
    with pytest.raises(RequestError):
        encode_collect([pattern], LIMITS)


def test_too_many_patterns() -> None:
    encode_collect(["a"] * MAX_PATTERNS, LIMITS)
    with pytest.raises(RequestError, match=f"at most {MAX_PATTERNS}"):
        encode_collect(["a"] * (MAX_PATTERNS + 1), LIMITS)


def test_the_longest_pattern(supervisor: SupervisorProcess) -> None:
    path = "/".join(["d"] * (MAX_SEGMENTS - 1))
    made(supervisor, f"mkdir -p {path}; echo a >{path}/a")
    assert names(supervisor.client.collect([f"{path}/*"], LIMITS)) == [f"{path}/a"]


# Bounds


def test_bounds_are_exact_and_told(supervisor: SupervisorProcess) -> None:
    made(supervisor, "for n in 1 2 3; do head -c 100 /dev/zero >$n; done")
    exact = OutputLimits(files=3, file_size=100, total_size=300)
    assert len(supervisor.client.collect(["*"], exact).files) == 3
    for limits, reason, limit, kept in (
        (OutputLimits(2, 100, 300), DropReason.COUNT, 2, 2),
        (OutputLimits(3, 99, 300), DropReason.FILE_SIZE, 99, 0),
        (OutputLimits(3, 100, 299), DropReason.TOTAL_SIZE, 299, 2),
    ):
        collected = supervisor.client.collect(["*"], limits)
        assert len(collected.files) == kept
        assert len(collected.dropped) == 3 - kept
        for file in collected.dropped:
            assert (file.reason, file.limit) == (reason, limit)
            assert str(limit) in file.message


def test_most_of_many_dropped_files_are_only_counted(supervisor: SupervisorProcess) -> None:
    made(supervisor, "touch {1..500}")
    collected = supervisor.client.collect(["*"], OutputLimits(10, 0, 0))
    assert len(collected.files) == 10
    *listed, last = collected.dropped
    assert len(listed) == MAX_DROPPED
    assert last == DroppedFile("", DropReason.UNLISTED, 490 - MAX_DROPPED)
    assert "390 more files" in last.message


def test_files_for_which_there_is_no_memory(supervisor: SupervisorProcess) -> None:
    made(supervisor, "printf abc >abc; head -c 200000 /dev/zero >large; : >empty")
    collected = supervisor.client.collect(["*"], LIMITS, lambda size: size < 1000)
    assert names(collected) == ["abc", "empty"]
    assert collected.dropped == (DroppedFile("large", DropReason.BUSY),)


# Files that were sent


SENT = {"same": b"x" * 300_000, "empty": b"", "first": b"y" * 200_000, "last": b"z" * 200_000,
        "longer": b"l", "gone": b"g"}  # fmt: skip


def test_what_is_as_it_was_sent_is_left_out(supervisor: SupervisorProcess) -> None:
    supervisor.client.queue_files(File(name, content) for name, content in SENT.items())
    made(
        supervisor,
        "chmod 700 same; touch same; rm gone; echo l >longer; printf a >new;"
        " for name in first last; do cp $name copy; mv copy $name; done;"
        " printf n | dd of=first conv=notrunc status=none;"
        " printf n | dd of=last conv=notrunc bs=1 seek=199999 status=none",
    )
    limits = OutputLimits(files=4, file_size=200_000, total_size=400_003)
    held: list[int] = []

    def hold(size: int) -> bool:
        held.append(size)
        return True

    collected = supervisor.client.collect(["*"], limits, hold, SENT)
    assert collected.dropped == ()
    assert {file.name: file.content for file in collected.files} == {
        "first": b"n" + SENT["first"][1:],
        "last": SENT["last"][:-1] + b"n",
        "longer": b"l\n",
        "new": b"a",
    }
    assert sorted(held) == [1, 2, 200_000, 200_000]


def test_what_was_sent_does_not_count(supervisor: SupervisorProcess) -> None:
    sent = {"data": b"x" * 100}
    supervisor.client.queue_files([File("data", sent["data"])])
    made(supervisor, "printf 12345 >a; printf 123456 >b")
    cases: list[tuple[OutputLimits, dict[str, DropReason]]] = [
        (OutputLimits(2, 6, 11), {}),
        (OutputLimits(2, 5, 11), {"b": DropReason.FILE_SIZE}),
        (OutputLimits(0, 6, 11), dict.fromkeys("ab", DropReason.COUNT)),
    ]
    for limits, expected in cases:
        collected = supervisor.client.collect(["*"], limits, sent=sent)
        found = dropped(collected)
        if DropReason.COUNT in found.values():
            found.pop("data", None)  # if it came late, nothing shows whether it has changed
        assert found == expected
        assert {*names(collected)} == {*"ab"} - {*expected}


def test_a_mapped_file_can_be_closed_afterwards(supervisor: SupervisorProcess) -> None:
    with mmap.mmap(-1, 100_000) as mapped:
        supervisor.client.queue_files([File("mapped", mapped)])
        made(supervisor, "printf a >new")
        collected = supervisor.client.collect(["*"], LIMITS, sent={"mapped": mapped})
        assert names(collected) == ["new"]
        made(supervisor, "printf a | dd of=mapped conv=notrunc bs=1 seek=90000 status=none")
        collected = supervisor.client.collect(["mapped"], LIMITS, sent={"mapped": mapped})
        assert collected.files[0].content == bytes(90_000) + b"a" + bytes(9_999)


ROW = "files to be collected that are "


@pytest.mark.attack("program", ROW + "gigabytes of holes", "dropped by their size, unread")
def test_sparse_files(supervisor: SupervisorProcess) -> None:
    made(supervisor, "for n in 1 2 3; do truncate -s 8G sparse$n; done; echo a >a")
    collected = supervisor.client.collect(["**"], LIMITS)
    assert names(collected) == ["a"]
    assert set(dropped(collected).values()) == {DropReason.FILE_SIZE}


@pytest.mark.attack(
    "program", ROW + "more than a hundred thousand", "the search ends early, and says so"
)
def test_a_multitude_of_files(supervisor_binary: Path, workdir: Path) -> None:
    mount = f"mount -t tmpfs -o uid={UID},nr_inodes=0 tmpfs {workdir}"
    supervisor = SupervisorProcess(supervisor_binary, workdir, mount)
    script = f"open F, '>file'; link 'file', $_ for 1..{MAX_ENTRIES}"
    assert supervisor.run("perl", "-e", script, wall_ms=60_000)[0].code == 0
    collected = supervisor.client.collect(["file", "*.png"], LIMITS)
    supervisor.close()
    assert set(names(collected)) <= {"file"}
    assert collected.dropped == (DroppedFile("", DropReason.ENTRIES, MAX_ENTRIES),)


def test_folders_without_a_match_are_not_searched(supervisor: SupervisorProcess) -> None:
    made(supervisor, "mkdir cache out; chmod 000 cache; echo a >out/a")
    assert supervisor.client.collect(["out/*"], LIMITS).dropped == ()
    assert dropped(supervisor.client.collect(["**"], LIMITS)) == {"cache": DropReason.UNREADABLE}


@pytest.mark.attack("program", ROW + "in very deep folders", "dropped, the folder is named")
def test_deep_folders(supervisor: SupervisorProcess) -> None:
    script = "for n in {1..60}; do echo $n >file; mkdir d; cd d; done"
    made(supervisor, script)
    collected = supervisor.client.collect(["**"], LIMITS)
    assert len(collected.files) == 32
    assert dropped(collected) == {"/".join("d" * 32): DropReason.DEPTH}


@pytest.mark.attack("program", ROW + "of paths that are too long", "dropped, the folder is named")
def test_long_paths(supervisor: SupervisorProcess) -> None:
    folder = "d" * 250
    script = "for (1..20) { open F, '>file'; mkdir $ARGV[0] or die; chdir $ARGV[0] or die }"
    assert supervisor.run("perl", "-e", script, folder)[0].code == 0
    collected = supervisor.client.collect(["**"], LIMITS)
    assert len(collected.files) == 17
    assert list(dropped(collected).values()) == [DropReason.DEPTH]


# What is no file


@pytest.mark.attack(
    "program",
    ROW + "fifos, sockets, devices, or links out and in circles",
    "never opened nor followed; dropped",
)
def test_what_is_no_regular_file(supervisor: SupervisorProcess, workdir: Path) -> None:
    os.mknod(workdir / "device", 0o666 | 0o020000, os.makedev(1, 5))  # /dev/zero
    made(
        supervisor,
        "mkfifo fifo; ln -s /etc/passwd out; ln -s /etc folder; ln -s . circle; ln -s none dangling;"
        " mkdir d; ln -s ../d d/circle; echo a >d/a; ln d/a hard;"
        " perl -e 'use IO::Socket; IO::Socket::UNIX->new(Local=>\"socket\", Listen=>1) or die'",
    )
    collected = supervisor.client.collect(["**", "folder/passwd", "circle/d/a"], LIMITS)
    assert [(file.name, file.content) for file in collected.files] == [
        ("d/a", b"a\n"),
        ("hard", b"a\n"),
    ]
    assert dropped(collected) == dict.fromkeys(
        ["device", "fifo", "out", "folder", "circle", "dangling", "d/circle", "socket"],
        DropReason.NOT_REGULAR,
    )


@pytest.mark.attack(
    "program", ROW + "named with newlines, bytes that are no UTF-8, or controls", "dropped"
)
def test_hostile_names(supervisor: SupervisorProcess) -> None:
    made(
        supervisor,
        r"touch $'a\nb' $'\xff' $'\x1b[2J' $'a\xe2\x80\xaeb' $'\xed\xa0\x80' '..a' ' '; mkdir $'d\r';"
        r" echo c >$'d\r/c'",
    )
    collected = supervisor.client.collect(["**"], LIMITS)
    assert names(collected) == [" ", "..a"]
    assert dropped(collected) == dict.fromkeys(
        ["a\nb", "\ufffd", "\x1b[2J", "a\u202eb", "\ufffd" * 3, "d\r/c"], DropReason.NAME
    )


def test_files_that_their_user_can_not_read(supervisor: SupervisorProcess) -> None:
    made(supervisor, "echo a >a; chmod 000 a; mkdir d; echo b >d/b; chmod 0 d")
    assert dropped(supervisor.client.collect(["**"], LIMITS)) == {
        "a": DropReason.UNREADABLE,
        "d": DropReason.UNREADABLE,
    }


def test_files_that_only_root_can_read(supervisor: SupervisorProcess, workdir: Path) -> None:
    """The supervisor is root, and reads nothing as root."""
    secret = workdir / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    made(supervisor, "ln -s secret link")
    collected = supervisor.client.collect(["**"], LIMITS)
    assert collected.files == ()
    assert dropped(collected) == {
        "secret": DropReason.UNREADABLE,
        "link": DropReason.NOT_REGULAR,
    }


def test_a_closed_work_directory(supervisor: SupervisorProcess) -> None:
    made(supervisor, "echo a >a; chmod 000 .")
    assert dropped(supervisor.client.collect(["**"], LIMITS)) == {".": DropReason.UNREADABLE}


# What happens meanwhile. The collector waits for a controller that does not read, so that the test
# has all the time it needs.

LARGE = OutputLimits(files=9, file_size=64 * MEBIBYTE, total_size=64 * MEBIBYTE)


def collect_meanwhile(supervisor: SupervisorProcess, happens: Callable[[], None]) -> Collected:
    """Collect a file of 16 MiB, and another thing happens after its first bytes."""
    made(supervisor, "head -c 16777216 /dev/zero >large")
    supervisor.send(encode_collect(["large"], LARGE))
    collection, decoder = Collection(LARGE), Decoder()
    data = supervisor.receive(10)
    happens()
    while True:
        for kind, payload in decoder.feed(data):
            assert isinstance(kind, Frame)
            collection.add(kind, payload)
        if collection.result is not None:
            return collection.result
        data = supervisor.receive(10)


def collector_of(supervisor: SupervisorProcess) -> int:
    pid = supervisor.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


@pytest.mark.attack("program", ROW + "changed while they are read", "dropped")
@pytest.mark.parametrize("size", [1000, 17 * MEBIBYTE])
def test_a_file_that_changes(supervisor: SupervisorProcess, workdir: Path, size: int) -> None:
    collected = collect_meanwhile(supervisor, lambda: os.truncate(workdir / "large", size))
    assert collected == Collected((), (DroppedFile("large", DropReason.CHANGED),))
    made(supervisor, "echo more")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (signal.SIGALRM, DroppedFile("", DropReason.TIME, 10)),
        (signal.SIGKILL, DroppedFile("", DropReason.FAILED)),
    ],
)
def test_a_collector_that_is_killed(
    supervisor: SupervisorProcess, number: signal.Signals, expected: DroppedFile
) -> None:
    """By its alarm after ten seconds, or by the kernel for lack of memory."""
    collected = collect_meanwhile(supervisor, lambda: os.kill(collector_of(supervisor), number))
    assert collected == Collected((), (expected,))
    made(supervisor, "echo more")
    assert names(supervisor.client.collect(["large"], LARGE)) == ["large"]


def test_the_collector_is_the_user_of_the_run(supervisor: SupervisorProcess) -> None:
    status = ""

    def read_status() -> None:
        nonlocal status
        status = Path(f"/proc/{collector_of(supervisor)}/status").read_text()

    collect_meanwhile(supervisor, read_status)
    for line in (
        f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
    ):
        assert line in status.splitlines()


def test_the_end_of_the_controller_ends_a_collection(supervisor: SupervisorProcess) -> None:
    made(supervisor, "head -c 16777216 /dev/zero >large")
    supervisor.send(encode_collect(["large"], LARGE))
    supervisor.receive(10)
    supervisor.stdin.close()
    assert supervisor.process.wait(10) == 0


# Frames at the wrong time, or forged


@pytest.mark.parametrize(
    "frame",
    [
        encode_collect(["*"], LARGE),
        encode(Frame.FILE, b"a"),
        encode(Frame.STAGE, b"w9\0atrue\0"),
        encode(Frame.RESET),
    ],
)
def test_nothing_begins_during_a_collection(supervisor: SupervisorProcess, frame: bytes) -> None:
    with pytest.raises(BoxError, match="during a collection"):
        collect_and_go_on(supervisor, frame)


def collect_and_go_on(supervisor: SupervisorProcess, frame: bytes) -> None:
    supervisor.client.start(stage("true"))
    while not supervisor.client.receive(10):
        pass
    supervisor.send(encode_collect(["*"], LARGE) + frame)
    while True:
        supervisor.client.receive(10)


def test_no_collection_begins_during_a_stage(supervisor: SupervisorProcess) -> None:
    supervisor.client.start(stage("sleep", "9"))
    with pytest.raises(BoxError, match="amid a job"):
        supervisor.client.collect(["*"], LIMITS)


class Forged:
    """A channel from which forged bytes arrive, piece by piece."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def send(self, data: bytes | bytearray) -> None:
        pass

    def receive(self, timeout: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


PATHS = st.sampled_from(
    [b"a", b"b/c", b"/etc/passwd", b"../x", b"a//b", b".", b"\xff", b"a\nb", b""]
)
FOUND = st.builds(
    lambda mode, size, path: encode(Frame.FOUND, struct.pack(">HQ", mode, size) + path),
    st.integers(0, 0xFFFF),
    st.integers(0, 12) | st.sampled_from([1 << 40, (1 << 64) - 1]),
    PATHS,
)
FORGED = (
    FOUND
    | st.binary(max_size=12).map(lambda data: encode(Frame.CONTENT, data))
    | PATHS.map(lambda path: encode(Frame.DROPPED, b"c" + path))
    | st.sampled_from([*FRAMES, Frame.VERDICT, Frame.CLEAN, Frame.CREDIT]).map(encode)
    | st.sampled_from(["complete", "time", "entries", "failed", "x"]).map(
        lambda end: encode(Frame.COLLECTED, f"end={end}\nunlisted={'9' * len(end)}\n".encode())
    )
)
FEW = OutputLimits(files=3, file_size=10, total_size=20)


@pytest.mark.attack(
    "program",
    "a supervisor's frames of collected files forged",
    "no name that climbs, no more than was asked for; else a fault of the box",
)
@given(st.lists(FORGED, max_size=9))
@example([encode(Frame.FOUND, struct.pack(">HQ", 0o7777, 0) + b"../x"),
          encode(Frame.COLLECTED, b"end=complete\nunlisted=0\n")])  # fmt: skip
def test_whatever_a_forger_sends_is_bounded(frames: list[bytes]) -> None:
    try:
        collected = SupervisorClient(Forged(frames)).collect(["**"], FEW, sent={"a": b"12345"})
    except BoxError:
        return
    assert len(collected.files) <= FEW.files
    assert sum(len(file.content) for file in collected.files) <= FEW.total_size
    for file in collected.files:
        assert file.name in ("a", "b/c")
        assert file.mode <= 0o777
        assert len(file.content) <= FEW.file_size
