"""Seed cases: frames as the service itself encodes them, and the events that follow."""

import signal
import struct

from bitrun.model.job import File, Limits, Stage, TerminalSize
from bitrun.model.output_files import OutputLimits
from bitrun.sandbox.supervisor.collection import encode_collect
from bitrun.sandbox.supervisor.frames import (
    CREDIT_WINDOW,
    MAX_CHUNK,
    MAX_PAYLOAD,
    Frame,
    encode,
    encode_file,
    encode_resize,
)
from bitrun.sandbox.supervisor.stage_command import MAX_ARGUMENTS, MAX_VARIABLES, encode_stage

_SIZE = TerminalSize(rows=24, columns=80)


def seeds() -> dict[str, bytes]:
    """Return cases by name, in the format of `fake_kernel.h`."""
    hello = _sends(*encode_file(File("main.py", b"print('hello')\n"))) + _sends(_stage("python3"))
    ended = _event("x", b"\0\0")
    reset = _sends(encode(Frame.RESET))
    found = encode(Frame.FOUND, struct.pack(">HQ", 0o644, 3) + b"out/a.txt")
    content = encode(Frame.CONTENT, b"abc")
    collected = _event("a", b"\0\0")
    open_two = _sends(_to_channel(1, b"a"), _to_channel(2, b"b"))
    largest_to_channel = _event("I", _header(Frame.CHANNEL, MAX_PAYLOAD) + struct.pack(">I", 1))
    largest_to_channel += _event("Z", (MAX_PAYLOAD - 4).to_bytes(3))
    complete = encode(Frame.COLLECTED, b"end=complete\nunlisted=0\n")
    stdin = _sends(_header(Frame.STDIN, CREDIT_WINDOW)) + _event("z", CREDIT_WINDOW.to_bytes(3))
    return {
        "hello": hello + _event("o", b"hello\n") + ended,
        "two-stages": hello
        + ended
        + _sends(_stage("./main", merge=True))
        + _event("o", b"x")
        + ended,
        "stderr-first": hello + _event("E", b"err") + _event("o", b"out") + _event("x", b"\3\0"),
        "alternating": hello + (_event("O", b"o") + _event("E", b"e")) * 9 + ended,
        "full-pipes": hello + _event("O", b"o") * 20 + _event("E", b"e") * 20 + ended,
        "small-pipes": _event("-") + hello + _event("O", b"o") * 99 + _event("e", b"e") + ended,
        "long-writes": hello + _event("O", b"o" * 9000) + _event("E", b"e" * 4096) * 3 + ended,
        "many-writes": hello + (_event("O", b"o") * 15 + _event("o", b"o")) * 80 + ended,
        "no-signals": _event("l") + hello + (_event("e", b"e") + _event("o", b"o")) * 9 + ended,
        "lone-signals": hello + _event("O", b"o") + _event("s") * 3 + _event("s", b"e") + ended,
        "no-packets": _event("d") + hello + _event("E", b"e") + _event("o", b"o") + ended,
        "killed": hello + _event("x", b"\0\x0b"),
        "orphans": hello + _event("k") + ended + _event("k"),
        "sockets": _event("c") + hello + _memory(1, _SOCKSTAT) + _event("t", b"\1\0") + ended,
        "full-sockets": _event("c")
        + hello
        + _memory(1, _SOCKSTAT + _FULL_SOCKETS)
        + _event("t", b"\1\0")
        + _event("t", b"\1\0"),
        "hidden-sockets": _event("c")
        + hello
        + _memory(1023, b"sockets: used 9999\n")
        + _event("t", b"\1\0"),
        "exec-lacks-memory": hello + _event("n", b"1"),
        "unknown-command": hello + _sends(encode(Frame.STDIN, b"x" * 500)) + _event("n"),
        "wall-time": hello + _event("t", b"\xff\xff"),
        "cpu-time": _sends(_stage("yes", cpu_ms=100))
        + _event("t", b"\0\x20")
        + _event("t", b"\0\xff"),
        "at-the-cap": _sends(_stage("yes", output=100))
        + _event("o", b"y\n" * 25)
        + _event("o", b"y\n" * 25)
        + ended,
        "over-the-cap": _sends(_stage("yes", output=100))
        + _event("e", b"y\n" * 40)
        + _event("e", b"y\n" * 40)
        + ended,
        "flood": _sends(_stage("yes", output=100)) + _event("o", b"y\n" * 100),
        "stdin": _sends(_stage("cat"), encode(Frame.STDIN, b"line\n"), encode(Frame.EOF))
        + _event("r", b"\0\x05")
        + ended,
        "stdin-unread": _sends(_stage("true")) + stdin + _event("r") + ended,
        "many-stages": (hello + ended) * 8,
        "most-arguments": _sends(_stage(*[""] * MAX_ARGUMENTS)) + ended,
        "too-many-arguments": _sends(_raw_stage("w9\0" + "a\0" * (MAX_ARGUMENTS + 1))),
        "too-many-variables": _sends(_raw_stage("w9\0aa\0" + "e=\0" * (MAX_VARIABLES + 1))),
        "longest-time": _sends(_raw_stage("aa\0w9223372036854775807\0")) + ended,
        "twice-the-time": _sends(_raw_stage("aa\0w9223372036854\0c9223372036854\0")) + ended,
        "stdin-too-much": _sends(_stage("true")) + 2 * stdin + ended,
        "stdin-after-verdict": hello + ended + stdin,
        "signal": hello + _sends(encode(Frame.SIGNAL, bytes([signal.SIGTERM]))),
        "folders": _sends(*encode_file(File("a/b/c.txt", b"c")), *encode_file(File("a/d", b"")))
        + _sends(_stage("true")),
        "modes": _sends(*encode_file(File("main", b"x", 0o755)), *encode_file(File("a", b"", 0)))
        + _sends(_stage("./main")),
        "mode-too-short": _sends(*encode_file(File("a", b"")), encode(Frame.MODE, b"\1")),
        "mode-without-a-file": _sends(encode(Frame.MODE, b"\1\xed")),
        "long-name": _sends(*encode_file(File("n" * 300, b""))) + _sends(_stage("true")),
        "deep-name": _sends(*encode_file(File("n/" * 3000, b""))) + _sends(_stage("true")),
        "disk-full": _event("w") + hello,
        "no-name": _sends(*encode_file(File("", b"x"))) + _sends(_stage("true")),
        "largest-frame": _sends(_header(Frame.FILE, MAX_PAYLOAD))
        + _event("z", MAX_PAYLOAD.to_bytes(3)),
        "too-large-a-frame": _sends(_header(Frame.STDIN, MAX_PAYLOAD + 1)),
        "reset": (hello + ended + reset) * 3,
        "reset-of-much": hello
        + _event("u", b"\0\x20")
        + _memory(1, _OBJECTS)
        + ended
        + reset
        + hello,
        "reset-late": hello + _event("u", b"\x0f\1") + ended + reset + _event("v") + hello,
        "reset-with-a-process": hello + _event("u", b"\1") + ended + reset,
        "reset-with-a-file": hello + _event("u", b"\2") + ended + reset,
        "reset-with-a-mode": hello + _event("u", b"\4") + ended + reset,
        "reset-with-an-attribute": hello + _event("u", b"\x08") + ended + reset,
        "reset-with-memory": _event("c") + hello + _memory(99, b"") + ended + reset,
        "reset-amid-a-stage": hello + reset,
        "job-amid-a-reset": hello + _event("u", b"\2") + ended + reset + hello,
        "collect": hello
        + ended
        + _collects("out/**", "plot.png")
        + _event("f", found + content + encode(Frame.DROPPED, b"tout/fifo") + complete)
        + collected
        + reset
        + hello,
        "collect-twice": hello + ended + (_collects("*") + _event("f", complete) + collected) * 2,
        "collect-in-pieces": hello
        + ended
        + _collects("*")
        + _event("f", found[:3])
        + _event("f", found[3:] + content[:-1])
        + _event("f", content[-1:] + complete)
        + collected,
        "collect-much": _event("g", b"\0\x02")
        + hello
        + ended
        + _collects("**")
        + _event("f", encode(Frame.CONTENT, b"x" * 60000)) * 5
        + _event("g")
        + _event("f", complete)
        + collected,
        "collect-too-long": hello
        + ended
        + _collects("**")
        + _event("f", _header(Frame.CONTENT, MAX_CHUNK + 1) + b"x" * 60000) * 2,
        "collect-no-end": hello + ended + _collects("*") + _event("f", found) + collected,
        "collect-killed": hello
        + ended
        + _collects("*")
        + _event("f", found)
        + _event("a", b"\0\x09"),
        "collect-too-late": hello + ended + _collects("*") + _event("f", found),
        "collect-what-is-none": hello + ended + _collects("*") + _event("f", b"v\0\0\0\0"),
        "collect-patterns": hello
        + ended
        + _collects("[!a-c]*/**/?[]x]*", "**/é*[", "a/*b*c")
        + b"bb/x/y\xc3\xa9]/zz",
        "collect-amid-a-stage": hello + _collects("*"),
        "collect-amid-files": _sends(*encode_file(File("a", b"a"))) + _collects("*"),
        "collect-amid-a-collection": hello + ended + _collects("*") * 2,
        "stage-amid-a-collection": hello + ended + _collects("*") + hello,
        "collect-without-limits": _sends(encode(Frame.COLLECT, b"a\0")),
        "collect-without-patterns": _sends(encode(Frame.COLLECT, bytes(20))),
        "collect-too-many-patterns": _sends(encode(Frame.COLLECT, bytes(20) + b"a\0" * 65)),
        "collect-too-many-segments": _sends(encode(Frame.COLLECT, bytes(20) + b"a/" * 32 + b"\0")),
        "channels": open_two
        + _event("b", b"\0")
        + _event("h", b"\0first")
        + _event("h", b"\1second")
        + _sends(_consumed(1, 5), _to_channel(1), _to_channel(2))
        + _event("j", b"\0")
        + _event("j", b"\1"),
        "channel-whose-socket-is-held": open_two + _event("h", b"\0x") + _event("j", b"\0x"),
        "channel-that-does-not-read": open_two + _sends(_to_channel(1, b"x" * 65000)) * 3,
        "channel-that-does-not-read-amid-more": open_two + 2 * largest_to_channel + _event("i"),
        "channel-that-does-not-end": open_two + _sends(_to_channel(1)),
        "channel-beyond-its-window": open_two
        + (_event("h", b"\0" + b"x" * 60000)) * 6
        + _sends(_consumed(1, 100_000)),
        "channel-with-too-much-consumed": open_two + _sends(_consumed(1, 1)),
        "channel-after-its-end": open_two + _event("j", b"\0") + _sends(_to_channel(1, b"late")),
        "channel-without-a-process": _event("y") + open_two,
        "channel-out-of-turn": _sends(_to_channel(2, b"a")),
        "channel-without-a-number": _sends(encode(Frame.CHANNEL, b"\0")),
        "channels-too-many": b"".join(_sends(_to_channel(n, b"a")) for n in range(1, 18)),
        "channels-and-sockets": _event("c") + open_two + _event("t", b"\xff\xff") * 2,
        "stage-outside-a-channel": open_two + hello,
        "channel-amid-a-stage": hello + open_two,
        "slow-controller": _event("g", b"\0\x02")
        + hello
        + _event("o", b"x" * 300)
        + _event("g")
        + ended,
        "terminal": _sends(_stage("bash", tty=_SIZE), encode(Frame.STDIN, b"ls\n\4"))
        + _event("r", b"\0\4")
        + _event("o", b"ls\r\nmain\r\n")
        + _sends(encode_resize(TerminalSize(rows=50, columns=132)))
        + ended,
        "terminal-twice": (_sends(_stage("cat", tty=_SIZE)) + ended) * 2 + hello + ended,
        "terminal-over-the-cap": _sends(_stage("yes", tty=_SIZE, output=100))
        + _event("o", b"y\r\n" * 40)
        + ended,
        "terminal-that-is-full": _sends(_stage("cat", tty=_SIZE))
        + stdin
        + _event("r", b"\xff\xff")
        + _event("r")
        + _sends(encode(Frame.EOF), encode(Frame.STDIN, b"late"))
        + ended,
        "no-terminals": _event("p") + _sends(_stage("cat", tty=_SIZE)) + ended,
        "terminal-without-a-size": _sends(_raw_stage("w9\0aa\0t0x80\0")),
        "terminal-with-half-a-size": _sends(_raw_stage("w9\0aa\0t80\0")),
        "resize-of-pipes": hello + _sends(encode_resize(TerminalSize(rows=1, columns=1))) + ended,
        "resize-too-short": _sends(_stage("cat", tty=_SIZE), encode(Frame.RESIZE, b"\1")),
        "gone": hello + _event("q"),
        "environment": _sends(_stage("sh", "-c", "echo $A", env={"A": "1", "PATH": "/bin"}))
        + ended,
    }


# Rows of /proc/net, all in one: each table shows the same.
_SOCKSTAT = (
    b"sockets: used 300\nTCP: inuse 200 orphan 0 tw 40 alloc 200 mem 0\n"
    b"UNIX 1152 34 -1\nTCP 2304 200 0\nTCPv6 2432 1 0\n"
)
_OBJECTS = (
    b"       key      shmid perms\n         0          1   600\n         0          2   600\n"
)
_FULL_SOCKETS = b"".join(
    b"%4d: 0100007F:1F90 0100007F:%04X 01 0001FFFF:0001FFFF 00:00000000 00000000\n" % (row, row)
    for row in range(100)
)


def _collects(*patterns: str) -> bytes:
    limits = OutputLimits(files=9, file_size=1 << 20, total_size=1 << 22)
    return _sends(encode_collect(patterns, limits))


def _to_channel(number: int, data: bytes = b"") -> bytes:
    return encode(Frame.CHANNEL, struct.pack(">I", number) + data)


def _consumed(number: int, size: int) -> bytes:
    return encode(Frame.CONSUMED, struct.pack(">II", number, size))


def _memory(units: int, table: bytes) -> bytes:
    return _event("m", units.to_bytes(2) + table)


def _stage(
    *argv: str,
    merge: bool = False,
    cpu_ms: int | None = None,
    output: int = 65536,
    env: dict[str, str] | None = None,
    tty: TerminalSize | None = None,
) -> bytes:
    limits = Limits(
        wall_ms=3000, cpu_ms=cpu_ms, output=output, memory=1 << 26, stack=1 << 26, processes=64
    )
    return encode_stage(Stage("run", argv, env or {}, limits, b"", merge, tty=tty))


def _raw_stage(fields: str) -> bytes:
    return encode(Frame.STAGE, fields.encode())


def _header(frame: Frame, size: int) -> bytes:
    return struct.pack(">cI", frame.value, size)


def _sends(*frames: bytes) -> bytes:
    return _event("i", b"".join(frames))


def _event(event_type: str, content: bytes = b"") -> bytes:
    return struct.pack(">cH", event_type.encode(), len(content)) + content
