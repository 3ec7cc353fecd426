"""A service in a gunicorn of its own, on a free port."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

from tests.support.paths import ROOT
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

# Whether the tests run with reused boxes: BITRUN_RUNS_PER_BOX=50 make attacks
REUSES_BOXES = int(os.environ.get("BITRUN_RUNS_PER_BOX", "1")) > 1


# What services keep, of all processes of this session.
KEPT = Path(tempfile.gettempdir(), f"bitrun-tests-{os.getpid()}")


def _kept() -> Path:
    """Return the folder of this process: by default all services of a user share their uploads."""
    return KEPT / str(os.getpid())


class Process(Protocol):
    """What is needed of a `Popen`."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def gunicorn(environment: dict[str, str]) -> Process:
    """Start the service in a Python of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )


class Server:
    """A running service, which `start` starts with the environment that it is given."""

    def __init__(
        self, settings: dict[str, str], start: Callable[[dict[str, str]], Process] = gunicorn
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Without a pool, every container that is left after a test was left by it.
        pool_size = "8" if REUSES_BOXES else "0"
        defaults = {
            "BITRUN_PORT": str(self.port),
            "BITRUN_POOL_SIZE": pool_size,
            "BITRUN_UPLOAD_FOLDER": str(_kept() / "uploads"),
            # Of its own: services that share a store do each other's work.
            "BITRUN_STORE": str(_kept() / str(self.port) / "store.db"),
        }
        if "BITRUN_REDIS" in settings:  # a node of a cluster
            defaults["BITRUN_NODE_URL"] = self.url
        self.process = start(dict(os.environ) | defaults | settings)
        if not wait_until(self._answers, 20):
            self.process.kill()
            pytest.fail("the service does not start")

    def _answers(self) -> bool:
        return listens(self.port) or self.process.poll() is not None

    def run(self, **fields: Any) -> requests.Response:
        return requests.post(f"{self.url}/api/v1/run", data=fields, timeout=60)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
