"""`python -m tools.install_engine` returns once a Docker engine answers.

If none does, and DOCKER_HOST names none, it installs and starts this machine's own, which it can
on Debian and Ubuntu as root. Otherwise it says in one sentence what is missing.
"""

import getpass
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError

APT_INSTALL = Path(__file__).resolve().parent.parent / "scripts" / "apt-install"
LOG = Path("/var/log/dockerd.log")
SOCKET = Path("/var/run/docker.sock")
PATIENCE = 60.0  # seconds a starting engine may take

# Where the kernel has AppArmor on, no container starts without its parser.
DEBIAN_PACKAGES = ("docker.io", "apparmor")


class NoEngine(Exception):
    """There is no engine to be had; the sentence says how to get one."""


def main() -> int:
    try:
        ensure_engine()
    except NoEngine as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def ensure_engine() -> None:
    if answers():
        return
    host = os.environ.get("DOCKER_HOST")
    if host:
        raise NoEngine(
            f"No Docker engine answers at DOCKER_HOST={host}: start that one, "
            "or unset DOCKER_HOST to use this machine's own."
        )
    if SOCKET.exists() and not os.access(SOCKET, os.W_OK):
        raise NoEngine(
            f"The user {getpass.getuser()} may not use this machine's Docker engine: "
            "add the user to the group docker, or run this as root."
        )
    # A root shell opened with plain `su` may lack these, and dockerd needs iptables from there.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if shutil.which("dockerd") is None:
        install()
    if os.geteuid() != 0:
        raise NoEngine("This machine's Docker engine is stopped: start it, or run this as root.")
    start()


def answers() -> bool:
    try:
        Engine(timeout=5).ping()
    except ServiceError:
        return False
    return True


def install() -> None:
    print("Installing a Docker engine", flush=True)
    done = subprocess.run(
        [APT_INSTALL, *DEBIAN_PACKAGES], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise NoEngine(f"No Docker engine answers. {done.stderr.strip()}")


def start() -> None:
    print("Starting the Docker engine", flush=True)
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker"], check=False)
        wait(None, "journalctl -u docker tells why")
        return
    with LOG.open("ab") as log:
        # In a session of its own it outlives this terminal.
        dockerd = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    wait(dockerd, f"{LOG} tells why")


def wait(dockerd: subprocess.Popen[bytes] | None, hint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers():
        if dockerd and dockerd.poll() is not None:
            # It failed, or made way for one that the package has started by itself.
            dockerd = None
            deadline = time.monotonic() + PATIENCE / 6
        if time.monotonic() > deadline:
            raise NoEngine(f"The Docker engine was started, but does not answer: {hint}.")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
