"""What a box is asked to do: plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

StageName = Literal["compile", "run"]
STAGES: tuple[StageName, ...] = ("compile", "run")


@dataclass(frozen=True, slots=True)
class File:
    """A file for the work directory.

    `name` is a relative path of UTF-8 text; it may have folders, and never leaves the directory.
    """

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one stage.

    `wall_ms` and `cpu_ms` are milliseconds; CPU time is the sum over all processes of the stage,
    and None means that only the wall time limits it. `output` limits each stream and `memory` the
    whole box, both in bytes.
    """

    wall_ms: int
    cpu_ms: int | None
    output: int
    memory: int


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """Limits that a box has from its creation: bytes of memory, counts, and bytes of one file.

    `i386` allows the system calls of 32-bit x86 programs, `network` connects the box to a bridge.
    """

    memory: int
    processes: int
    open_files: int
    file_size: int
    i386: bool = False
    network: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a job. `merge` sends stderr to stdout, which keeps their order exact."""

    name: StageName
    argv: tuple[str, ...]
    env: Mapping[str, str]
    limits: Limits
    stdin: bytes = b""
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one box does, from its first file to its last stage.

    `image` is the engine's name for what `package` installed. The stages run in order until one
    fails. `wall_ms`, if given, limits all of them together. A `fresh` job never gets a box that
    was started before the request. `language` and `version` label the job in log and metrics.
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
