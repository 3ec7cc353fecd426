"""A running virtual machine, and its engine's socket on this machine.

It is reachable through loopback only: the emulator forwards one port of 127.0.0.1 to its SSH
server, and SSH forwards the engine's socket into a temporary folder. It has no access to other
hosts.
"""

import base64
import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker

from tools.vm.image import Image, install_programs

_KVM = Path("/dev/kvm")
_MEMORY_MIB = 3072
_PROCESSORS = 2

_MAX_BOOT_SECONDS = {"kvm": 60, "tcg": 600}
_MAX_SHUTDOWN_SECONDS = 120
# The emulator accepts connections before the guest does, and an emulated processor needs seconds to
# exchange keys.
_CONNECT_SECONDS = 30
_RETRY_SECONDS = 1.0

# Factors for time limits: an emulated processor was 20 to 40 times slower.
TIME_SCALES = {"kvm": 2, "tcg": 30}


class MachineError(Exception):
    """The machine did not start; the text holds the end of its console."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine whose engine answers at `docker_host`.

    `accelerator` is `kvm` or `tcg` (software emulation), `boot_seconds` the time until the engine
    answered.
    """

    accelerator: str
    boot_seconds: float
    docker_host: str
    _ssh: Sequence[str]

    def run(self, command: str, seconds: float) -> None:
        """Run a shell command in it, as root.

        Raises:
            subprocess.SubprocessError: it failed, or took longer than this.
        """
        subprocess.run([*self._ssh, command], stdin=subprocess.DEVNULL, check=True, timeout=seconds)


@contextlib.contextmanager
def running(image: Image, disk: Path, archive: Path | None = None) -> Iterator[Machine]:
    """Start a machine whose root is `disk`, and end it.

    All writes to the disk are discarded at the end. With `archive`, which becomes /dev/vdb, they
    are kept, and the machine is shut down properly.

    Raises:
        MachineError: with no accelerator its engine answers in time, or it does not shut down.
    """
    install_programs(
        {
            "qemu-system-x86_64": ("qemu-system-x86",),
            "ssh": ("openssh-client",),
            "setpriv": ("util-linux",),
        }
    )
    with tempfile.TemporaryDirectory(prefix="bitrun-vm-") as folder:
        starter = _Starter(Path(folder), image, disk, archive)
        try:
            machine = starter.start_with_any_accelerator()
            yield machine
            if archive is not None:
                starter.shut_down(machine)
        finally:
            starter.end()


class _Starter:
    """The processes of one machine: the emulator, and the SSH client that forwards the socket."""

    def __init__(self, folder: Path, image: Image, disk: Path, archive: Path | None) -> None:
        self._folder = folder
        self._image = image
        keep = "snapshot=on" if archive is None else "cache=unsafe"
        self._disks = [f"file={disk},format=raw,if=virtio,{keep}"]
        if archive is not None:
            self._disks.append(f"file={archive},format=raw,if=virtio,readonly=on")
        self._console = disk.with_name("console.log")
        self._socket = folder / "docker.sock"
        self._port = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / "key"],
            check=True,
        )

    def start_with_any_accelerator(self) -> Machine:
        """Start with KVM if possible: where it exists it may still fail, as in nested machines."""
        if os.access(_KVM, os.R_OK | os.W_OK):
            try:
                return self._start("kvm")
            except MachineError as error:
                print(f"With KVM the machine does not start: {error}", flush=True)
                self.end()
        return self._start("tcg")

    def _start(self, accelerator: str) -> Machine:
        """Start the emulator and wait for the engine.

        Raises:
            MachineError: it has ended, or does not answer in time.
        """
        started_at = time.monotonic()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        with self._console.open("wb") as console:
            emulator = self._spawn(self._emulator(accelerator), console.fileno())
        deadline = started_at + _MAX_BOOT_SECONDS[accelerator]
        while not self._forward(lambda: emulator.poll() is None and time.monotonic() < deadline):
            if emulator.poll() is not None or time.monotonic() >= deadline:
                log = self._console.read_text(errors="replace")[-2000:]
                raise MachineError(f"exit code {emulator.poll()}\n{log}")
            time.sleep(_RETRY_SECONDS)
        took = time.monotonic() - started_at
        return Machine(accelerator, took, f"unix://{self._socket}", self._ssh())

    def shut_down(self, machine: Machine) -> None:
        """Power it off from inside, which leaves its disk consistent.

        Raises:
            MachineError: it still runs after a while.
        """
        emulator = self._processes[0]
        try:
            machine.run("systemctl --no-block poweroff", _CONNECT_SECONDS)
            emulator.wait(_MAX_SHUTDOWN_SECONDS)
        except subprocess.SubprocessError as error:
            raise MachineError("it does not shut down") from error

    def end(self) -> None:
        """Kill its processes."""
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()

    def _emulator(self, accelerator: str) -> list[str]:
        key = base64.b64encode((self._folder / "key.pub").read_bytes()).decode()
        arguments = {
            "cpu": {"kvm": "host", "tcg": "max"}[accelerator],
            "accel": {"kvm": "kvm", "tcg": "tcg,thread=multi"}[accelerator],
            "smp": str(_PROCESSORS),
            "m": str(_MEMORY_MIB),
            "display": "none",
            "serial": "stdio",
            "kernel": str(self._image.kernel),
            "initrd": str(self._image.initrd),
            # systemd writes root's authorized_keys from this credential.
            "append": "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet "
            f"systemd.set_credential_binary=ssh.authorized_keys.root:{key}",
            # Restricted: the guest has access neither to this machine's loopback nor beyond.
            "nic": f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22",
        }
        words = [word for name, value in arguments.items() for word in (f"-{name}", value)]
        drives = [word for disk in self._disks for word in ("-drive", disk)]
        return ["qemu-system-x86_64", "-nodefaults", "-no-reboot", *words, *drives]

    def _ssh(self, *options: str) -> list[str]:
        """Return the start of a command line; all share the first one's connection."""
        settings = {
            "BatchMode": "yes",
            "ConnectTimeout": str(_CONNECT_SECONDS),
            "ControlPath": str(self._folder / "ssh"),
            "ExitOnForwardFailure": "yes",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            # The connection never leaves this machine.
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
        }
        words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        key = ["-i", str(self._folder / "key"), "-p", str(self._port)]
        return ["ssh", "-F", "none", *words, *key, *options, "root@127.0.0.1"]

    def _forward(self, worth_waiting: Callable[[], bool]) -> bool:
        """Connect and forward the engine's socket; return whether the engine answers through it."""
        forward = f"{self._socket}:/var/run/docker.sock"
        client = self._spawn(
            self._ssh("-M", "-N", "-L", forward, "-o", "StreamLocalBindUnlink=yes"), None
        )
        while client.poll() is None and worth_waiting():
            if self._socket.exists() and self._answers():
                return True
            time.sleep(_RETRY_SECONDS)
        self._processes.remove(client)
        client.kill()
        client.wait()
        return False

    def _answers(self) -> bool:
        try:
            client = docker.APIClient(f"unix://{self._socket}", timeout=_CONNECT_SECONDS)
            with contextlib.closing(client):
                return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    def _spawn(self, command: Sequence[str], output: int | None) -> subprocess.Popen[bytes]:
        """Start a process that does not outlive this one, even if this one is killed."""
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output if output is not None else subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes.append(process)
        return process
