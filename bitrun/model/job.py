"""Jobs: the files, stages and limits of one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Literal

from bitrun.model.output_files import OutputRequest

StageName = Literal["compile", "run"]
STAGES: tuple[StageName, ...] = ("compile", "run")

WORKDIR = "/box"  # unless a dialect's programs expect another

Content = bytes | mmap  # mapped if it is an upload, whose pages the runs that use it share


def equal(one: Content, other: Content) -> bool:
    """Whether the bytes are equal: a map and bytes never compare so themselves."""
    return memoryview(one) == memoryview(other)


@dataclass(frozen=True, slots=True)
class File:
    """A file for the work directory.

    `name` is a relative path in UTF-8. It may have folders, and never leaves the work directory.
    `mode` are its permissions, as of chmod(2).
    """

    name: str
    content: Content
    mode: int = 0o644

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes here: none if it is mapped."""
        return len(self.content) if isinstance(self.content, bytes) else 0

    def equals(self, other: "File | None") -> bool:
        """Whether both are the same, with one mapped and the other in memory perhaps."""
        return (
            other is not None
            and (self.name, self.mode) == (other.name, other.mode)
            and equal(self.content, other.content)
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one stage.

    `wall_ms` and `cpu_ms` are milliseconds; CPU time is the sum over all processes of the stage,
    and without it only the wall time limits them. `output` limits each stream, `memory` the whole
    box and `stack` the main thread of each process, in bytes. `processes` counts threads, too.
    """

    wall_ms: int
    cpu_ms: int | None
    output: int
    memory: int
    stack: int
    processes: int


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """Limits that a box has from its creation: bytes of memory, counts, and bytes of one file.

    Without `file_size` only the file systems and the memory of the box limit a file.
    `i386` allows the system calls of 32-bit x86 programs, `ptys` the opening of pseudo-terminals,
    and `network` are the hosts that programs reach through the egress proxy, as `HOST:PORT`.
    `workdir` is where its work directory is mounted.
    """

    memory: int
    processes: int
    open_files: int
    file_size: int | None = None
    i386: bool = False
    ptys: bool = False
    network: tuple[str, ...] = ()
    workdir: str = WORKDIR


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """Size of a terminal in characters; both numbers fit into 16 bits."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a job.

    `merge` sends stderr to stdout, which keeps their order exact. With `tty` all three streams are
    one terminal of that size, and all output is stdout. `files` are written right before it starts;
    those of the job are there from the first stage on.
    """

    name: StageName
    argv: tuple[str, ...]
    env: Mapping[str, str]
    limits: Limits
    stdin: bytes = b""
    merge: bool = False
    files: tuple[File, ...] = ()
    tty: TerminalSize | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The whole work of one box, from its first file to its last stage.

    `image` is the engine's name for the image of `package`. The stages run in order until one
    fails. `wall_ms`, if set, limits all of them together. `output_files` are collected after the
    last. A `fresh` job never gets a box that was started before the request, and only with `reuse`
    one that its client has used before, where the service allows that. `language` and `version`
    label the job in log and metrics.
    """

    package: str
    image: str
    files: tuple[File, ...]
    stages: tuple[Stage, ...]
    limits: BoxLimits
    wall_ms: int | None = None
    fresh: bool = False
    reuse: bool = False
    output_files: OutputRequest | None = None
    language: str = ""
    version: str = ""

    @property
    def all_files(self) -> list[File]:
        """Its files, and those of its stages."""
        return [*self.files, *(file for stage in self.stages for file in stage.files)]

    @property
    def contents(self) -> Mapping[str, Content]:
        """The contents of all its files, by name."""
        return {file.name: file.content for file in self.all_files}

    @property
    def size(self) -> int:
        """Bytes of memory that its files and its stdin take."""
        stdin = sum(len(stage.stdin) for stage in self.stages)
        return sum(file.memory for file in self.all_files) + stdin

    def output_beyond(self, limit: int) -> int:
        """Return how many bytes it may write beyond a limit of each stream, at most."""
        return sum(
            (1 if stage.merge else 2) * max(0, stage.limits.output - limit) for stage in self.stages
        )
