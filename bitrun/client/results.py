"""Results and events, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple

from bitrun.client.output_files import DroppedFile, OutputFile, save_all

Stream = Literal["stdout", "stderr"]
StageName = Literal["compile", "run"]


class Outcome(StrEnum):
    """How a stage ended, in one word."""

    OK = "ok"  # exit code 0
    EXIT = "exit"  # another exit code
    SIGNAL = "signal"  # of the program's own, such as a crash
    MEMORY = "memory"  # a process was killed because the memory limit was reached
    WALL_TIME = "wall_time"
    CPU_TIME = "cpu_time"
    STDOUT = "stdout"  # more output than the limit allows
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a stage ended, as the kernel reports it.

    Exactly one of `code` (0 to 255) and `signal` (a name such as SIGSEGV) is set. `status` and
    `message` are Piston's words for the outcome: None for a program that exited with 0, else `RE`
    (exit code), `SG` (signal), `TO` (time), `OL` or `EL` (too much on stdout or stderr), and a
    sentence; `detail` is one with the limit that was exceeded. `oom_killed` says that the kernel
    killed a process for memory, whatever the outcome.
    `wall_ms` and `cpu_ms` are milliseconds, `memory` is the peak in bytes.
    """

    outcome: Outcome
    code: int | None
    signal: str | None
    status: str | None
    message: str | None
    detail: str | None
    oom_killed: bool
    wall_ms: int
    cpu_ms: int
    memory: int

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the service keeps until `expires_at`; `size` in bytes."""

    id: str
    name: str
    size: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Stage:
    """A finished stage. `output` has both streams, in the order of writing.

    A compile stage is `cached` if the service has it from an earlier identical run.
    """

    name: StageName
    stdout: str
    stderr: str
    output: str
    verdict: Verdict
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run. `stages` are those that ran, in order: no `run` if compiling failed.

    `files` are those that were asked for by `output_files` and that the program has made or
    changed, `files_dropped` those of them that are missing, and why.
    """

    language: str
    version: str
    stages: tuple[Stage, ...]
    files: tuple[OutputFile, ...] = ()
    files_dropped: tuple[DroppedFile, ...] = ()

    def save(self, folder: str | PathLike[str]) -> tuple[Path, ...]:
        """Write the files into a folder, and return their paths; see `OutputFile.save`.

        Raises:
            NotSaved: a name leads elsewhere, or what is there is in the way.
        """
        return save_all(self.files, folder)

    @property
    def last(self) -> Stage:
        return self.stages[-1]

    @property
    def ok(self) -> bool:
        return self.verdict.ok

    @property
    def verdict(self) -> Verdict:
        return self.last.verdict

    @property
    def stdout(self) -> str:
        return self.last.stdout

    @property
    def stderr(self) -> str:
        return self.last.stderr

    @property
    def output(self) -> str:
        return self.last.output


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit if a request sets none, and its maximum: milliseconds, bytes or a count."""

    default: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed language. `package` is its package, or None if that has the language's name.

    `limits` are by their names in the API, such as `run_timeout`.
    """

    language: str
    version: str
    aliases: tuple[str, ...]
    package: str | None
    limits: Mapping[str, Limit] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the catalogue, in one version.

    `libraries` are what its programs can use beyond the core of the language.
    """

    name: str
    version: str
    installed: bool
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """The language of a file extension, its package, and whether that is installed."""

    language: str
    package: str
    installed: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of a build. `step` of `steps` is the position in the image that is being built."""

    line: str
    step: int | None
    steps: int | None


# Events of a session


class TerminalSize(NamedTuple):
    """Size of a terminal in characters, each from 1 to 65535."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Started:
    """A stage has started."""

    stage: StageName


@dataclass(frozen=True, slots=True)
class Output:
    """The program has written output."""

    stage: StageName
    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage has ended."""

    stage: StageName
    verdict: Verdict


# Files follow the last end.
Event = Started | Output | Ended | OutputFile | DroppedFile
