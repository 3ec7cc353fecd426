"""A supervisor without Docker: PID 1 of a PID namespace of its own, driven over pipes."""

import os
import select
import subprocess
from pathlib import Path
from typing import Any

from bitrun.model.result import Verdict
from bitrun.sandbox.supervisor.client import SupervisorClient
from tests.support.stages import collect, stage

UID = 20001


class SupervisorProcess:
    """A channel to a supervisor that runs as a process of this machine.

    `prepare` is a shell command that runs before it, in its mount namespace; then it has no network.
    """

    def __init__(self, binary: Path, workdir: Path, prepare: str = "") -> None:
        self.workdir = workdir
        script = f'{prepare}\nexec "$@"'
        self.process = subprocess.Popen(
            ["unshare", "--pid", *(["--net"] if prepare else []), "--fork", "--mount-proc",
             "sh", "-ec", script, "sh",
             # With `ptys`, since its /dev is this machine's, and stays as it is.
             binary, str(UID), workdir, "ptys"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.client = SupervisorClient(self)

    def send(self, data: bytes | bytearray) -> None:
        self.stdin.write(data)

    def receive(self, timeout: float) -> bytes:
        try:
            if not select.select([self.stdout], [], [], timeout)[0]:
                raise TimeoutError
            return os.read(self.stdout.fileno(), 1 << 16)
        except ValueError:  # another thread has closed it
            return b""

    def fileno(self) -> int:
        return self.stdout.fileno()

    def run(self, *argv: str, **options: Any) -> tuple[Verdict, bytes, bytes]:
        """Run one stage; return its verdict, stdout and stderr."""
        return collect(self.client, stage(*argv, **options))

    @property
    def pid(self) -> int:
        """The supervisor itself; `process` is the one that started it."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    @property
    def cpu_ms(self) -> float:
        """Processor time of the supervisor alone."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e6

    def close(self) -> None:
        self.stdin.close()
        self.process.wait(timeout=5)
        self.stdout.close()
