"""What is asked of a box and what comes back: plain data, no HTTP, no Docker."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

StageName = Literal["compile", "run"]
STAGES: tuple[StageName, ...] = ("compile", "run")


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


class Limit(StrEnum):
    """The limit whose crossing ended a stage. Memory is told by `Verdict.oom_killed` instead."""

    WALL = "wall"
    CPU = "cpu"
    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class File:
    """A file to stand in the work directory; `name` may hold sub-folders, but never climbs."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stage may use.

    `wall_ms` and `cpu_ms` are milliseconds; CPU time counts all processes of the stage together,
    and None leaves it to the wall time. `output` bounds each stream, `memory` the whole box, both
    in bytes.
    """

    wall_ms: int
    cpu_ms: int | None
    output: int
    memory: int


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """What holds for a box from its making: bytes of memory, counts, and the bytes of one file.

    `i386` opens the kernel's entry for 32-bit programs of x86, `network` the way to the world.
    """

    memory: int
    processes: int
    open_files: int
    file_size: int
    i386: bool = False
    network: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a job. `merge` sends stderr into stdout, which keeps their order exact."""

    name: StageName
    argv: tuple[str, ...]
    env: Mapping[str, str]
    limits: Limits
    stdin: bytes = b""
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one container does, from its first file to its last stage.

    `image` is the engine's name for what `package` installed. The stages run in order until
    one fails. `wall_ms`, if given, bounds all of them together. A `fresh` job gets no box that was
    started before it came. `language` and `version` are what the log and the metrics call it.
    """

    package: str
    image: str
    files: tuple[File, ...]
    stages: tuple[Stage, ...]
    limits: BoxLimits
    wall_ms: int | None = None
    fresh: bool = False
    language: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel says of a stage that is over.

    Exactly one of `code` (0 to 255) and `signal` (a name such as SIGSEGV) is set. Times are
    milliseconds, `cpu_ms` that of all processes of the stage, dead ones included. `memory` is the
    box's peak in bytes.
    """

    code: int | None
    signal: str | None
    limit: Limit | None
    oom_killed: bool
    wall_ms: float
    cpu_ms: float
    memory: int

    @property
    def status(self) -> str | None:
        """Piston's two letters: None, RE, SG, TO, OL or EL."""
        if self.limit is not None:
            return {
                Limit.WALL: "TO",
                Limit.CPU: "TO",
                Limit.STDOUT: "OL",
                Limit.STDERR: "EL",
            }[self.limit]
        if self.signal is not None:
            return "SG"
        return "RE" if self.code else None

    @property
    def message(self) -> str | None:
        """The status in words, as Piston writes it."""
        if self.limit is not None:
            return {
                Limit.WALL: "Time limit exceeded (wall clock)",
                Limit.CPU: "Time limit exceeded",
                Limit.STDOUT: "stdout length exceeded",
                Limit.STDERR: "stderr length exceeded",
            }[self.limit]
        if self.oom_killed:
            return "Memory limit exceeded"
        if self.signal is not None:
            return f"Caught fatal signal {SIGNAL_NUMBERS.get(self.signal, self.signal)}"
        return f"Exited with error status {self.code}" if self.code else None

    @property
    def word(self) -> str:
        """All of it in one word: ok, exit, signal, memory, wall, cpu, stdout or stderr."""
        if self.limit is not None:
            return self.limit.value
        if self.oom_killed:
            return "memory"
        if self.signal is not None:
            return "signal"
        return "exit" if self.code else "ok"

    @property
    def failed(self) -> bool:
        return self.status is not None

    @property
    def shell_code(self) -> int:
        """The exit code as a shell reports it: 128+N when signal N ended the program."""
        if self.code is not None:
            return self.code
        return 128 + SIGNAL_NUMBERS.get(self.signal or "", 0)


@dataclass(frozen=True, slots=True)
class StageResult:
    """What came of a stage; `pieces` is its output in order of arrival, untouched."""

    name: StageName
    verdict: Verdict
    pieces: tuple[tuple[Stream, bytes], ...]

    @property
    def stdout(self) -> bytes:
        return b"".join(data for stream, data in self.pieces if stream is Stream.STDOUT)

    @property
    def stderr(self) -> bytes:
        return b"".join(data for stream, data in self.pieces if stream is Stream.STDERR)

    @property
    def output(self) -> bytes:
        return b"".join(data for _, data in self.pieces)


@dataclass(frozen=True, slots=True)
class Result:
    """The stages that ran, in order; never empty."""

    stages: tuple[StageResult, ...]

    @property
    def last(self) -> StageResult:
        return self.stages[-1]


# Linux's numbers on x86 and ARM. Python's signal module lacks SIGSTKFLT on other hosts, and the
# service need not run on the kernel its boxes run on.
SIGNAL_NUMBERS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV "
            "SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN "
            "SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"
        ).split(),
        start=1,
    )
} | {f"SIGRT{number}": number for number in range(32, 65)}
SIGNAL_NAMES: Mapping[int, str] = {number: name for name, number in SIGNAL_NUMBERS.items()}
