"""Boxes of processes: the real supervisor in namespaces of this machine, without Docker.

A box gets what the service asks the engine for: work directory of this size, ulimits, uid. It gets
no limits of memory, processes and processors, and no seccomp filter; tests of those need Docker.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from bitrun.sandbox.supervisor import SUPERVISOR
from tests.support.fake_engine import Container
from tests.support.paths import ROOT

# What mount(2) takes as data for a tmpfs; of the others the box has its own idea.
_TMPFS_OPTIONS = ("uid=", "gid=", "mode=", "size=", "nr_inodes=")


@dataclass(frozen=True)
class Programs:
    """The compiled supervisor, and `box.c`, which starts it in namespaces."""

    supervisor: Path
    box: Path

    @classmethod
    def of(cls, folder: Path) -> Self:
        return cls(folder / "supervisor", folder / "box")


def compile_programs() -> Path:
    """Compile both, unless they are up to date, and return their folder.

    A test that needs them fails on a machine that can't compile or run them.
    """
    if os.geteuid() != 0:
        pytest.fail("tests with boxes need root, for namespaces and mounts", pytrace=False)
    if shutil.which("gcc") is None or shutil.which("make") is None:
        pytest.fail("tests with boxes need gcc, make and a libc to link statically", pytrace=False)
    folder = ROOT / "build" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Copied, since the Makefile compiles next to the sources; with their times, which it reads.
        sources = ROOT / "images" / "supervisor"
        for copy in folder.glob("*.[ch]"):
            if not (sources / copy.name).exists():  # it would be compiled, too
                copy.unlink()
        shutil.copytree(sources, folder, dirs_exist_ok=True)
        _run("make", "-s", "-C", folder)
        box, source = folder / "box", ROOT / "tests" / "support" / "box.c"
        if not box.exists() or box.stat().st_mtime < source.stat().st_mtime:
            _run("gcc", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-pthread",
                 "-o", box, source)  # fmt: skip
    return folder


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"the supervisor can't be compiled here:\n{done.stderr}", pytrace=False)


class ProcessBoxes:
    """Starts boxes with `programs`."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def start(self, container: Container, attached: socket.socket) -> "_Process":
        assert container.command[0] == SUPERVISOR
        host = container.host
        workdir = container.command[2]
        arguments: list[str | Path] = [
            self._programs.box,
            workdir,
            ",".join(
                option
                for option in host["tmpfs"][workdir].split(",")
                if option.startswith(_TMPFS_OPTIONS)
            ),
            str(_ulimit(host, "nofile")),
            str(_ulimit(host, "fsize")),
            self._programs.supervisor,
            *container.command[1:],
        ]
        packages = {"BOX_PACKAGES": sysconfig.get_path("purelib")}
        with attached:
            started = subprocess.Popen(
                arguments, stdin=attached.fileno(), env=os.environ | packages
            )
        return _Process(started)


class _Process:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid

    def wait(self) -> int:
        return self._process.wait()

    def kill(self) -> None:
        self._process.kill()


def _ulimit(host: dict[str, Any], name: str) -> int:
    return next(int(each["Hard"]) for each in host["ulimits"] if each["Name"] == name)
