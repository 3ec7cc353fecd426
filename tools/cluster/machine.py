"""One machine of the cluster: namespaces of its own, with a Docker engine in them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import docker

CGROUP = "bitrun-cluster"  # parent of all machines' containers
_START_SECONDS = 120.0
_RETRY_SECONDS = 0.2

# It hides folders of this machine by its own, and /sys by one that shows its own network. It waits
# for a line before the engine starts: by then the machine has its network card.
_INIT = """\
mount -t tmpfs tmpfs /run
mkdir /run/lock /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --move /run/cgroup /sys/fs/cgroup
mkdir -p /var/lib/docker /etc/docker
mount --bind "$DISK/data" /var/lib/docker
mount --bind "$DISK/etc" /etc/docker
hostname "$NAME"
ip link set lo up
touch /run/$NAME.is-on
read -r _
exec docker-init -s -- dockerd --cgroup-parent="/$CGROUP/$NAME" --log-level=warn
"""


class MachineError(Exception):
    """A machine did not do as told; the text says what it printed."""


class Machine:
    """A machine that has its own network, processes, mounts and host name, but no kernel.

    Args:
        name: its host name.
        address: its IPv4 address in the cluster's network.
        folder: for its disk and its log. It needs a real file system: overlay2 can't use a tmpfs.
    """

    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name = name
        self.address = address
        self.log = folder / f"{name}.log"
        self._disk = folder / name
        self.engine_folder = self._disk / "etc"  # its /etc/docker
        for part in (self._disk / "data", self.engine_folder):
            part.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.pid = 0  # of its first process

    @property
    def is_on(self) -> bool:
        return self._process is not None

    def power_on(self) -> None:
        """Start its first process, which waits for `boot`."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--net", "--uts", "--pid", "--mount-proc", "--fork",
                 "--kill-child", "sh", "-euc", _INIT],
                env=_own_environment()
                | {"DISK": str(self._disk), "NAME": self.name, "CGROUP": CGROUP},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )  # fmt: skip
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        deadline = time.monotonic() + _START_SECONDS
        while not (found := children.read_text().split()):
            self._check(deadline)
        self.pid = int(found[0])
        # Until then its engine's socket is this machine's.
        while not Path(f"/proc/{self.pid}/root/run/{self.name}.is-on").exists():
            self._check(deadline)

    def boot(self) -> None:
        """Start the engine, and wait until it answers.

        Raises:
            MachineError: it does not.
        """
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(b"\n")
            self._process.stdin.close()
        deadline = time.monotonic() + _START_SECONDS
        while not self.engine_answers():
            self._check(deadline)

    def _check(self, deadline: float) -> None:
        if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
            raise MachineError(f"{self.name}: {self.log.read_text(errors='replace')[-2000:]}")
        time.sleep(_RETRY_SECONDS)

    def engine_answers(self) -> bool:
        client = self.engine(timeout=5)
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False
        finally:
            client.close()

    def engine(self, timeout: int = 120) -> docker.APIClient:
        """Return a client of its engine, for the caller to close."""
        return docker.APIClient(self.docker_host, version="1.41", timeout=timeout)

    @property
    def docker_host(self) -> str:
        return f"unix:///proc/{self.pid}/root/run/docker.sock"

    def cut_power(self) -> None:
        """End everything on it at once, as the loss of its power would."""
        if self._process is not None:
            # With its first process the kernel kills all others of its PID namespace.
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.cut_power()
        shutil.rmtree(self._disk)

    def run(
        self,
        command: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on it, as root, and return what it prints.

        Raises:
            MachineError: it fails, or takes longer than `timeout` seconds.
        """
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--uts", "--pid"]
        try:
            done = subprocess.run(
                [*enter, f"--wdns={folder or '/'}", "sh", "-euc", command],
                env={**_own_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"{self.name}: {command}: no end after {timeout:g} s") from error
        if done.returncode != 0:
            raise MachineError(f"{self.name}: {command}: {done.stderr.strip()}")
        return done


def _own_environment() -> dict[str, str]:
    """Return the environment, without what names another engine than that of the machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
