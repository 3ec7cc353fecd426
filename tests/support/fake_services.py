"""Services on the fake engine, each a gunicorn of its own, forked from one process."""

from pathlib import Path

from tests.support.fork_server import ForkServer
from tests.support.server import Process, Server

PROGRAMS = "FAKE_ENGINE_PROGRAMS"  # the folder with the compiled programs
JOURNAL = "FAKE_ENGINE_JOURNAL"  # the folder with a file for each container


class FakeServices:
    """Starts services; `programs` is the folder of `compile_programs`."""

    def __init__(self, programs: Path, journal: Path) -> None:
        self._environment = {
            PROGRAMS: str(programs),
            JOURNAL: str(journal),
        }
        self._journal = journal
        self._forks = ForkServer()
        self._retired: list[Server] = []

    def start(self, environment: dict[str, str]) -> Process:
        return self._forks.start(["tests.support.fake_app:app"], self._environment | environment)

    def start_real(self, environment: dict[str, str]) -> Process:
        """Start one on the engine that the environment names."""
        return self._forks.start(["app:app"], environment)

    def retire(self, server: Server) -> None:
        """Have a service end, and go on: it waits up to two seconds for connections."""
        server.process.terminate()
        self._retired.append(server)

    def containers(self) -> set[str]:
        """Return the ids of the containers that exist."""
        return {path.name for path in self._journal.iterdir() if _exists(path)}

    def close(self) -> None:
        for server in self._retired:
            server.process.wait(timeout=30)
        self._forks.close()


def _exists(entry: Path) -> bool:
    """Whether the process that a container lives with does; it may be gone without a word."""
    try:
        return Path("/proc", entry.read_text() or "self").exists()
    except FileNotFoundError:
        return False
