"""The service under measurement: one of our own, or any other that speaks Piston's protocol."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from tools.bench import machine
from tools.bench.client import Client
from tools.bench.programs import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Target:
    """Where to send requests; `worker` is the process to watch, if it is ours."""

    url: str
    worker: int | None

    def cpu_ms(self) -> float:
        return machine.process_cpu_ms(self.worker) if self.worker else 0.0


@contextmanager
def own_service(log: IO[bytes] | None = None, **settings: str) -> Iterator[Target]:
    """Start a service with its default settings, and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {f"BITRUN_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=ROOT,
        env=os.environ | {"BITRUN_PORT": str(port)} | environment,
        stderr=log or subprocess.DEVNULL,
        # Whoever is interrupted with it stops it in the end.
        start_new_session=True,
    )
    try:
        target = Target(f"http://127.0.0.1:{port}", None)
        _await_answer(target.url)
        yield Target(target.url, machine.children(process.pid)[0])
    finally:
        process.terminate()
        process.wait()


def warm_up(url: str) -> None:
    """Ask for every program once or twice, and let what is prepared in the background settle."""
    client = Client(url)
    for program in PROGRAMS:
        for _ in range(2):
            client.run(program)
    time.sleep(8)


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/api/v2/runtimes", timeout=5).ok:
                return
        time.sleep(0.1)
    sys.exit(f"Nothing answers at {url}")
