"""Somebody at a terminal of this machine, on which the command runs."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
from typing import Any

from tests.support.command import COMMAND, environment
from tests.support.server import Server


class User:
    """Somebody at a terminal, with the command running on it."""

    def __init__(self, server: Server, *arguments: object, **streams: Any) -> None:
        self._ours, self.theirs = pty.openpty()
        self.resize(30, 100)
        self.before = termios.tcgetattr(self.theirs)
        self.shown = ""
        their_streams = dict.fromkeys(("stdin", "stdout", "stderr"), self.theirs) | streams
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env=environment(server),
            start_new_session=True,
            **their_streams,
        )

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def see(self, text: str) -> None:
        """Wait until the screen shows this, and forget what came before its end."""
        while text not in self.shown:
            self.shown += os.read(self._ours, 1 << 16).decode()
        self.shown = self.shown.partition(text)[2]

    def end(self) -> int:
        return self.process.wait(timeout=20)

    def rest(self) -> str:
        """Return what is on the screen after the end."""
        os.set_blocking(self._ours, False)
        with contextlib.suppress(BlockingIOError):
            self.shown += os.read(self._ours, 1 << 16).decode()
        return self.shown

    @property
    def modes_are_restored(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self.theirs)
