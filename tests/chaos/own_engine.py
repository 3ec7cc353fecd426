"""A Docker engine of the tests' own: one that may be broken."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest

from tests.support.waiting import wait_until

_START_SECONDS, _STOP_SECONDS = 60, 60


class OwnEngine:
    """An engine that shares nothing with the user's but the kernel.

    `folder` holds all that is its own. Its path must be short: a socket's has 107 bytes at most.
    """

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.host = f"unix://{folder}/docker.sock"
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self.client = docker.APIClient(self.host, version="1.41", timeout=60)

    def start(self) -> None:
        (self.folder / "daemon.json").write_text("{}")
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd",
                    f"--config-file={self.folder}/daemon.json",
                    f"--data-root={self.data}",
                    f"--exec-root={self.folder}/exec",
                    f"--pidfile={self.folder}/docker.pid",
                    f"--host={self.host}",
                    # Beside a containerd that all engines of this machine share.
                    f"--containerd-namespace={self.folder.name}",
                    f"--containerd-plugins-namespace={self.folder.name}-plugins",
                    # It needs no network, and shall not touch this machine's.
                    "--bridge=none",
                    "--iptables=false",
                    "--ip6tables=false",
                    "--ip-masq=false",
                    *self._flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not wait_until(self.answers, _START_SECONDS):
            pytest.fail(f"dockerd does not start: {self.log[-2000:]}")

    def stop(self) -> None:
        """End it as `systemctl stop docker` does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """End the daemon alone, at once; the containers' shims live on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        # Its containerd dies with it, but would pass for alive as long as nobody has buried it.
        (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def cut_power(self) -> None:
        """End everything of it at once, the containers included."""
        self.kill()
        self._kill_rest()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it in mid-step: whoever calls it waits for ever."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def mount(self, size: str) -> None:
        """Have it keep all its data on a disk of this size; before it starts."""
        self.data.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "bitrun-test"]
        subprocess.run(["mount", *options, self.data], check=True)

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Leave no room on its disk."""
        filler = self.data / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)):
                pass
        try:
            yield
        finally:
            filler.unlink()

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    def copy_image(self, source: docker.APIClient, name: str) -> None:
        self.client.load_image(source.get_image(name))

    def containers(self) -> set[str]:
        return {container["Id"] for container in self.client.containers(all=True)}

    @property
    def log(self) -> str:
        return (self.folder / "dockerd.log").read_text(errors="replace")

    def remove(self) -> None:
        """End it and leave nothing of it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self.stop()
        # One that has died leaves the shims of what it was about to start.
        self._kill_rest()
        self.client.close()
        for line in Path("/proc/self/mountinfo").read_text().splitlines()[::-1]:
            place = line.split()[4]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.folder)

    def _kill_rest(self) -> None:
        for pid in self._processes():
            with suppress(FileNotFoundError, ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not self._processes(), 10)

    def _processes(self) -> list[int]:
        """Find what runs below its folder: shims, containerd, and what they run."""
        mark = str(self.folder).encode()
        namespace = self.folder.name.encode()
        direct = set()
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(FileNotFoundError, ProcessLookupError):
                    line = (entry / "cmdline").read_bytes()
                    status = (entry / "stat").read_text().rpartition(")")[2].split()
                    if status[0] == "Z":
                        continue
                    parents[int(entry.name)] = int(status[1])
                    if (mark in line or namespace in line) and b"pytest" not in line:
                        direct.add(int(entry.name))
        found = set(direct)
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {os.getpid()})


def new(*flags: str) -> OwnEngine:
    """Make one, not started yet; `remove` takes it away.

    It needs root and Docker's daemon on this machine.
    """
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.fail("These tests break an engine of their own: they need root and dockerd here")
    # On a real file system: there is none to build images' layers on below a tmpfs or overlay. Its
    # name is containerd's for a namespace, too, where mkdtemp()'s last `_` would not do.
    folder = Path("/var/tmp") / f"bitrun-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return OwnEngine(folder, *flags)
