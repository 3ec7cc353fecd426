"""A real registry on a port of its own."""

import subprocess
from pathlib import Path

import requests

from tests.support.needs import need
from tests.support.ports import free_port
from tests.support.waiting import wait_until

_CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class RegistryServer:
    """Debian's, without authentication; the engine takes one on loopback without TLS."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._configuration = folder / "registry.yml"
        self._configuration.write_text(_CONFIGURATION.format(folder=folder, port=self.port))
        self.start()

    def start(self) -> None:
        program = need("docker-registry", "docker-registry")
        self.process = subprocess.Popen(
            [program, "serve", self._configuration],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert wait_until(self._answers, 20)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.address}/v2/", timeout=5).ok
        except requests.ConnectionError:
            return False
