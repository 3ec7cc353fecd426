"""A service in a gunicorn of its own, on a free port."""

import os
import socket
import subprocess
import sys
from typing import Any

import pytest
import requests

from tests.support.paths import ROOT
from tests.support.waiting import wait_until


class Server:
    """A running service."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "app:app"],
            cwd=ROOT,
            # Without a pool, every container that is left after a test was left by it.
            env=os.environ | {"BITRUN_PORT": str(self.port), "BITRUN_POOL_SIZE": "0"} | environment,
            start_new_session=True,
        )
        if not wait_until(self._answers, 20):
            self.process.kill()
            pytest.fail("the service does not start")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return self.process.poll() is not None
        return True

    def run(self, **fields: Any) -> requests.Response:
        return requests.post(f"{self.url}/api/v1/run", data=fields, timeout=60)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
