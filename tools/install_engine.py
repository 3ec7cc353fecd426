"""Ensures that a Docker engine answers: `python -m tools.install_engine`.

If none does, and DOCKER_HOST is not set, it installs and starts one on this machine, which requires
root on Debian or Ubuntu. Otherwise it prints in one sentence what is missing.
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
START_SECONDS = 60.0

# If the kernel has AppArmor enabled, no container starts without its parser.
DEBIAN_PACKAGES = ("docker.io", "apparmor")


class NoEngine(Exception):
    """There is no engine; the message says how to get one."""


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
        wait(None, "see journalctl -u docker")
        return
    with LOG.open("ab") as log:
        # In its own session, so that it survives the end of this terminal.
        dockerd = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    wait(dockerd, f"see {LOG}")


def wait(dockerd: subprocess.Popen[bytes] | None, hint: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if dockerd and dockerd.poll() is not None:
            # It failed, or the package has already started one that now holds the socket.
            dockerd = None
            deadline = time.monotonic() + START_SECONDS / 6
        if time.monotonic() > deadline:
            raise NoEngine(f"The Docker engine was started, but does not answer: {hint}.")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
