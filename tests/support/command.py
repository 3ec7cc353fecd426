"""The `bitrun` command, as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support import fork_server
from tests.support.paths import ROOT
from tests.support.server import Server

COMMAND = (sys.executable, "-m", "bitrun")


def environment(server: Server, **more: str) -> Mapping[str, str]:
    return os.environ | {"BITRUN_URL": server.url, "PYTHONPATH": str(ROOT)} | more


class Command:
    """A running command. Without `stdin`, a descriptor, it reads from a pipe, as `Popen` has it."""

    def __init__(
        self,
        arguments: tuple[object, ...],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        stdin: int = subprocess.PIPE,
    ) -> None:
        theirs, ours = os.pipe()
        stdout, their_stdout = os.pipe()
        stderr, their_stderr = os.pipe()
        streams = {subprocess.PIPE: theirs, subprocess.DEVNULL: None}
        self._process = fork_server.shared().start(
            "bitrun.cli.app:main",
            ["bitrun", *map(str, arguments)],
            dict(environment),
            cwd or Path.cwd(),
            (streams.get(stdin, stdin), their_stdout, their_stderr),
        )
        for descriptor in (theirs, their_stdout, their_stderr):
            os.close(descriptor)
        self.stdin = os.fdopen(ours, "w")
        self.stdout = os.fdopen(stdout)
        self.stderr = os.fdopen(stderr)

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        return self._process.wait(timeout)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """End its stdin, and return what it writes, of which neither stream may fill a pipe."""
        self.stdin.close()
        self.wait(timeout)
        return self.stdout.read(), self.stderr.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()


def run(
    *arguments: object, environment: Mapping[str, str], cwd: Path | None = None, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    with Command(arguments, environment, cwd=cwd) as process:
        process.stdin.write(stdin)
        stdout, stderr = process.communicate(60)
        return subprocess.CompletedProcess(
            [str(each) for each in arguments], process.wait(), stdout, stderr
        )


def bitrun(
    server: Server, *arguments: object, cwd: Path | None = None, stdin: str = "", **more: str
) -> "subprocess.CompletedProcess[str]":
    return run(*arguments, environment=environment(server, **more), cwd=cwd, stdin=stdin)


def outcome(done: "subprocess.CompletedProcess[str]") -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def started(server: Server, *arguments: object, stdin: int = subprocess.PIPE) -> Command:
    return Command(arguments, environment(server), stdin=stdin)
