"""The virtual machine's disk: Debian with a Docker engine, bootstrapped from Debian's mirror.

It is cached under a hash of everything it is made from. Making it takes root and a minute or two.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "vm"

RELEASE = "trixie"
_PACKAGES = (
    "linux-image-amd64",
    "systemd-sysv",
    "dbus",  # runc asks systemd for cgroups through it
    "udev",
    "docker.io",
    "docker-cli",
    "apparmor",
    "iptables",
    "iproute2",
    "openssh-server",
)
_DISK_BYTES = 8 << 30  # a sparse file

# eth0 by name: the machine starts with net.ifnames=0. The engine's own interfaces are left alone.
_FILES = {
    "etc/hostname": "bitrun-vm\n",
    "etc/hosts": "127.0.0.1 localhost bitrun-vm\n",
    "etc/resolv.conf": "",  # mmdebstrap leaves the host's there
    "etc/systemd/network/eth0.network": "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n",
    # Each start has a key of its own; systemd's own line keeps the first one.
    "etc/tmpfiles.d/authorized_keys.conf": (
        "f+^ /root/.ssh/authorized_keys 600 root root - ssh.authorized_keys.root\n"
    ),
}
# Timers would compete for an emulated processor in the middle of a test.
_UNITS = (
    ("enable", "systemd-networkd.service"),
    ("disable", "systemd-networkd-wait-online.service"),
    ("mask", "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer"),
    ("mask", "e2scrub_all.timer e2scrub_reap.service systemd-tmpfiles-clean.timer"),
)

_SOURCES = ROOT / "images" / "debian"  # the mirror and dpkg's settings that images use, too
_MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=minbase",
    "--architectures=amd64",
    "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
    f"--dpkgopt={_SOURCES / 'dpkg.cfg'}",
    f"--include={','.join(_PACKAGES)}",
    *(f'--customize-hook=chroot "$1" systemctl --quiet {verb} {units}' for verb, units in _UNITS),
)
_MAX_BOOTSTRAP_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Image:
    """What a machine starts from; nothing of it may be changed."""

    disk: Path
    kernel: Path
    initrd: Path


def make() -> Image:
    """Return the current recipe's image, made unless it is cached.

    Raises:
        subprocess.CalledProcessError: Debian can't be bootstrapped; the reason is on stderr.
    """
    folder = CACHE / recipe()
    image = Image(folder / "base.img", folder / "vmlinuz", folder / "initrd.img")
    if not folder.is_dir():
        install_programs({"mmdebstrap": ("mmdebstrap", "debian-archive-keyring")})
        install_programs({"mke2fs": ("e2fsprogs",)})
        print(f"Making a disk with Debian {RELEASE} and its Docker engine", flush=True)
        with _built(folder) as unfinished:
            _bootstrap(unfinished)
    return image


def recipe() -> str:
    """Hash everything that the disk is made from."""
    made_from = [_MMDEBSTRAP, sorted(_FILES.items()), _DISK_BYTES]
    text = (
        repr(made_from)
        + (_SOURCES / "sources.list").read_text()
        + (_SOURCES / "dpkg.cfg").read_text()
    )
    # Its own place does not change a disk.
    return hashlib.sha256(text.replace(str(ROOT), "").encode()).hexdigest()[:16]


def install_programs(programs: dict[str, Sequence[str]]) -> None:
    """Install the Debian packages of those programs that this machine lacks."""
    # A root shell opened with plain `su` may lack them.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program, packages in programs.items():
        if shutil.which(program) is None:
            subprocess.run([ROOT / "scripts" / "apt-install", *packages], check=True)


@contextmanager
def _built(folder: Path) -> Iterator[Path]:
    """Give a folder that appears under its name once it is finished, in place of older ones."""
    shutil.rmtree(CACHE, ignore_errors=True)
    unfinished = folder.with_suffix(".unfinished")
    unfinished.mkdir(parents=True)
    yield unfinished
    unfinished.rename(folder)


def _bootstrap(folder: Path) -> None:
    root = folder / "root"
    subprocess.run(
        [*_MMDEBSTRAP, "--quiet", RELEASE, root, _SOURCES / "sources.list"],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=_MAX_BOOTSTRAP_SECONDS,
    )
    for name, content in _FILES.items():
        path = root / name
        path.unlink(missing_ok=True)
        path.write_text(content)
    # The kernel is started directly: there is no boot loader that would look for it on the disk.
    for name in ("vmlinuz", "initrd.img"):
        shutil.copyfile((root / name).resolve(), folder / name)
    disk = folder / "base.img"
    with disk.open("wb") as file:
        file.truncate(_DISK_BYTES)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk], check=True)
    shutil.rmtree(root)
