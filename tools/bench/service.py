"""The measured service: started from a checkout, or any other Piston-compatible server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from tools.bench import machine
from tools.bench.client import Client, Sample
from tools.bench.programs import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]

_START_SECONDS, _STOP_SECONDS = 30.0, 60.0
_SETTLE_SECONDS = 8.0  # until the pool is full again


@dataclass(frozen=True)
class Target:
    """A server to measure. `workers` are the ids of its processes, if it runs on this machine."""

    url: str
    workers: tuple[int, ...] = ()

    @property
    def worker(self) -> int | None:
        """The id of its first process."""
        return next(iter(self.workers), None)

    def cpu_ms(self) -> float:
        return sum(map(machine.process_cpu_ms, self.workers))

    def measure(self, load: Callable[[], Sample]) -> Sample:
        """Run a load, and add the CPU time of the machine and of the service to its sample."""
        machine_cpu, service_cpu = machine.machine_cpu_ms(), self.cpu_ms()
        sample = load()
        sample.machine_cpu_ms = machine.machine_cpu_ms() - machine_cpu
        sample.service_cpu_ms = self.cpu_ms() - service_cpu
        return sample


def interpreter(checkout: Path) -> str:
    """Return the path of a checkout's Python; for this checkout, the running one."""
    return sys.executable if checkout == ROOT else str(checkout / ".venv" / "bin" / "python")


@contextmanager
def own_service(
    log: IO[bytes] | None = None,
    checkout: Path = ROOT,
    application: str = "app:app",
    **settings: str,
) -> Iterator[Target]:
    """Start a service from a checkout, with default settings but for these; stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {f"BITRUN_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [interpreter(checkout), "-m", "gunicorn", application],
        cwd=checkout,
        env=os.environ | {"BITRUN_PORT": str(port)} | environment,
        stderr=log or subprocess.DEVNULL,
        # Not interrupted by a Ctrl-C in the terminal: this process stops it at the end.
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_answer(url)
        yield Target(url, _await_workers(process.pid, int(settings.get("workers", "1"))))
    finally:
        _stop(process)


def warm_up(url: str) -> None:
    """Run every program twice, and wait until the pool is full again."""
    client = Client(url)
    for program in PROGRAMS:
        for _ in range(2):
            if not client.run(program):
                sys.exit(f"{url} does not run {program.name} as it should")
    time.sleep(_SETTLE_SECONDS)


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/api/v2/runtimes", timeout=5).ok:
                return
        time.sleep(0.1)
    sys.exit(f"No service answers at {url}")


def _await_workers(master: int, count: int) -> tuple[int, ...]:
    deadline = time.monotonic() + _START_SECONDS
    while len(found := machine.children(master)) < count:
        if time.monotonic() > deadline:
            sys.exit(f"{len(found)} of {count} workers have started")
        time.sleep(0.1)
    return tuple(found)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except BaseException:
        # Interrupted while waiting: it stops all the same, and must be gone before the next one.
        process.wait(_STOP_SECONDS)
        raise
