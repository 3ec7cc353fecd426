"""A supervisor that answers as a script says: for the pool, the runner, the dialects, and faults.

`tests/sandbox/supervisor/test_contract.py` runs the same tests with it and with the real one.
"""

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bitrun.sandbox.supervisor.attached_stream import _PIECE_HEADER
from bitrun.sandbox.supervisor.frames import MAX_CHUNK, Decoder, Frame, encode
from tests.support.fake_engine import Container

_STDOUT = 1  # of Docker's stream format
_RECEIVE_SIZE = 1 << 18
_COLLECT_LIMITS_SIZE = 20  # bytes of a COLLECT frame before its patterns
_FOR_A_STAGE = (Frame.STDIN, Frame.EOF, Frame.SIGNAL, Frame.RESIZE)


class Ended(Exception):
    """The other side has left, or the script ends the box."""


@dataclass
class Command:
    """A stage as it came, with the files that came before it."""

    argv: list[str]
    env: dict[str, str]
    limits: dict[str, int]  # by the letters of the stage's payload: w, c, o, r, m
    files: dict[str, bytes]
    tty: str | None = None  # ROWSxCOLUMNS


@dataclass
class Talk:
    """What a script answers with; it is called once for each stage."""

    sock: socket.socket
    _decoder: Decoder = field(default_factory=Decoder)
    _frames: list[tuple[Frame, bytes]] = field(default_factory=list)
    stdin: bytearray = field(default_factory=bytearray)
    stdin_ended: bool = False
    signals: list[int] = field(default_factory=list)
    sizes: list[tuple[int, ...]] = field(default_factory=list)  # of the terminal
    files: dict[str, bytes] = field(default_factory=dict)  # of the work directory

    # To the service

    def send(self, data: bytes) -> None:
        """Send bytes as the container's stdout, be they frames or not."""
        for start in range(0, len(data), MAX_CHUNK):
            piece = data[start : start + MAX_CHUNK]
            left = memoryview(_PIECE_HEADER.pack(_STDOUT, len(piece)) + piece)
            while left:
                # It reads at every moment, as the real one: the service relies on that.
                readable, writable, _ = select.select([self.sock], [self.sock], [])
                if readable:
                    self._receive(0)
                if writable:
                    left = left[self._send_some(left) :]

    def _send_some(self, data: memoryview) -> int:
        self.sock.settimeout(0)
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Ended from error

    def stdout(self, data: bytes) -> None:
        self.send(encode(Frame.STDOUT, data))

    def stderr(self, data: bytes) -> None:
        self.send(encode(Frame.STDERR, data))

    def verdict(self, code: int = 0, *, signal: int = 0, limit: str = "none", oom: int = 0) -> None:
        report = {
            "limit": limit,
            "code": code,
            "signal": signal,
            "oom": oom,
            "wall_us": 1500,
            "cpu_us": 1000,
            "memory": 1 << 20,
        }
        lines = "".join(f"{key}={value}\n" for key, value in report.items())
        self.send(encode(Frame.VERDICT, lines.encode()))

    def fault(self, frame: Frame, text: str) -> None:
        self.send(encode(frame, text.encode()))
        raise Ended

    def wait(self, seconds: float) -> None:
        """Keep silent, unless the service leaves or signals."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.signals:
            self._listen(left)

    def end(self) -> None:
        """End the box without a verdict."""
        raise Ended

    # From the service

    def read_line(self) -> bytes:
        """Read a line of the program's stdin, b"" at its end, and give credit for it."""
        while b"\n" not in self.stdin and not self.stdin_ended:
            self._listen(None)
        line, newline, rest = bytes(self.stdin).partition(b"\n")
        self.stdin[:] = rest
        line += newline
        if line:
            self.send(encode(Frame.CREDIT, str(len(line)).encode()))
        return line

    def wait_for_stdin(self, expected: bytes, seconds: float) -> bool:
        """Whether exactly this comes as stdin within that time."""
        deadline = time.monotonic() + seconds
        while self.stdin != expected and (left := deadline - time.monotonic()) > 0:
            self._listen(left)
        return self.stdin == expected

    def commands(self) -> Iterator[Command]:
        """Yield each stage that is started."""
        name = ""
        while True:
            while not self._frames:
                self._receive(None)
            kind, payload = self._frames.pop(0)
            match kind:
                case Frame.FILE:
                    name = payload.decode()
                    self.files[name] = b""
                case Frame.DATA:
                    self.files[name] += payload
                case Frame.STAGE:
                    self.stdin.clear()
                    self.signals.clear()
                    self.sizes.clear()
                    self.stdin_ended = False
                    yield _command(payload, self.files)
                case Frame.COLLECT:
                    self._collect(payload[_COLLECT_LIMITS_SIZE:].decode().split("\0")[:-1])
                case _:
                    pass  # stdin and signals that come too late

    def _collect(self, patterns: list[str]) -> None:
        for name, content in self.files.items():
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                found = struct.pack(">HQ", 0o644, len(content)) + name.encode()
                self.send(encode(Frame.FOUND, found))
                for start in range(0, len(content), MAX_CHUNK):
                    self.send(encode(Frame.CONTENT, content[start : start + MAX_CHUNK]))
        self.send(encode(Frame.COLLECTED, b"end=complete\nunlisted=0\n"))

    def _listen(self, timeout: float | None) -> None:
        """Take what comes for the running stage, in order."""
        if not self._frames:
            self._receive(timeout)
        while self._frames and self._frames[0][0] in _FOR_A_STAGE:
            kind, payload = self._frames.pop(0)
            match kind:
                case Frame.STDIN:
                    self.stdin += payload
                case Frame.EOF:
                    self.stdin_ended = True
                case Frame.SIGNAL:
                    self.signals.append(payload[0])
                case Frame.RESIZE:
                    self.sizes.append(struct.unpack(">HH", payload))

    def _receive(self, timeout: float | None) -> None:
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(_RECEIVE_SIZE)
        except (TimeoutError, BlockingIOError):
            return
        except OSError as error:
            raise Ended from error
        if not data:
            raise Ended
        self._frames += self._decoder.feed(data)  # type: ignore[arg-type]  # none of them is output


Script = Callable[[Talk, Command], None]


def shell(talk: Talk, command: Command) -> None:
    """Do what a few commands do: echo, cat, cp, sleep, `sh -c 'exit N'`, false."""
    match command.argv:
        case ["echo", *words]:
            talk.stdout(" ".join(words).encode() + b"\n")
            talk.verdict()
        case ["cat"]:
            while line := talk.read_line():
                talk.stdout(line)
            talk.verdict()
        case ["cat", name]:
            talk.stdout(command.files[name])
            talk.verdict()
        case ["cp", source, target]:
            talk.files[target] = talk.files[source]
            talk.verdict()
        case ["sleep", seconds]:
            wall = command.limits["w"] / 1000
            talk.wait(min(float(seconds), wall))
            if talk.signals:
                talk.verdict(signal=talk.signals[0])
            elif wall < float(seconds):
                talk.verdict(signal=9, limit="wall")
            else:
                talk.verdict()
        case ["false"]:
            talk.verdict(1)
        case _:
            talk.fault(Frame.FAULT_COMMAND, f"{command.argv[0]}: No such file or directory")


class ScriptedBoxes:
    """Boxes whose supervisor follows `script`; for `FakeEngine`."""

    def __init__(self, script: Script = shell) -> None:
        self.script = script

    def start(self, container: Container, attached: socket.socket) -> "_Thread":
        return _Thread(attached, self.script)


class _Thread:
    def __init__(self, sock: socket.socket, script: Script) -> None:
        self._socket = sock
        self._script = script
        self._thread = threading.Thread(target=self._run, name="fake-supervisor", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return os.getpid()

    def wait(self) -> int:
        self._thread.join()
        return 0

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        talk = Talk(self._socket)
        with self._socket, contextlib.suppress(Ended):
            for command in talk.commands():
                self._script(talk, command)


def _command(payload: bytes, files: dict[str, bytes]) -> Command:
    fields = [(each[:1].decode(), each[1:].decode()) for each in payload.split(b"\0")[:-1]]
    return Command(
        argv=[value for letter, value in fields if letter == "a"],
        env=dict(value.split("=", 1) for letter, value in fields if letter == "e"),
        limits={letter: int(value) for letter, value in fields if letter not in "aet"},
        files=dict(files),
        tty=dict(fields).get("t"),
    )
