"""A memory cgroup of the host for a service under test; needs root."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


class MemoryCgroup:
    """A group with a limit in bytes; processes join it by `join`."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._is_v1 = folder.is_relative_to(_V1) and _V1.is_dir()
        (folder / ("memory.limit_in_bytes" if self._is_v1 else "memory.max")).write_text(str(limit))

    def join(self) -> None:
        """Move the calling process into the group, with all its later children."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def peak(self) -> int:
        name = "memory.max_usage_in_bytes" if self._is_v1 else "memory.peak"
        return int((self.folder / name).read_text())

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed for this limit."""
        name = "memory.oom_control" if self._is_v1 else "memory.events"
        lines = (self.folder / name).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@contextlib.contextmanager
def memory_cgroup(limit: int) -> Iterator[MemoryCgroup]:
    parent = _V1 if _V1.is_dir() else _V2
    if not os.access(parent, os.W_OK):
        pytest.fail("a memory cgroup is needed: run the tests as root", pytrace=False)
    group = MemoryCgroup(parent / f"bitrun-test-{os.getpid()}", limit)
    try:
        yield group
    finally:
        group.folder.rmdir()
