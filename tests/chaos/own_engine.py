"""A Docker engine that only the tests use, so that they may break it."""

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
    """An engine that shares only the kernel and containerd with the machine's own.

    `folder` holds all its files. Its path must be short: a socket's is limited to 107 bytes.
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
                    # Namespaces of the containerd that all engines of this machine share.
                    f"--containerd-namespace={self.folder.name}",
                    f"--containerd-plugins-namespace={self.folder.name}-plugins",
                    # It needs no network, and must not change this machine's.
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
        # Its containerd dies with it, but counts as alive while it is a zombie.
        (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def cut_power(self) -> None:
        """Kill all its processes at once, containers included."""
        self.kill()
        self._kill_rest()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop its process: calls block until the end of the context."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def mount(self, size: str) -> None:
        """Mount a disk of this size for all its data; call it before `start`."""
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
        """Stop it and remove all its files and processes."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self.stop()
        # An engine that crashed leaves the shims of starting containers.
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
        """Find its shims and containerd, by their command lines, and all their descendants."""
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
    """Create an engine, not started yet. Needs root, and dockerd on this machine."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        pytest.fail("These tests break an engine of their own: they need root and dockerd here")
    # On a real file system: overlay2 can't use a tmpfs or an overlay. The name is also that of a
    # containerd namespace, which may not end with `_`, as names of mkdtemp() can.
    folder = Path("/var/tmp") / f"bitrun-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return OwnEngine(folder, *flags)
