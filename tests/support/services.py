"""Services of tests, each a gunicorn of its own: on the fake engine, or on a real one."""

from pathlib import Path
from typing import Any, Protocol

import docker

from tests.support.containers import our_containers
from tests.support.fake_engine import NEW, process_identity
from tests.support.fork_server import ForkServer
from tests.support.server import Process, Server, gunicorn

PROGRAMS = "FAKE_ENGINE_PROGRAMS"  # the folder with the compiled programs
JOURNAL = "FAKE_ENGINE_JOURNAL"  # the folder with a file for each container


class Start(Protocol):
    def __call__(self, environment: dict[str, str]) -> Process: ...


class Services:
    """Starts services; settings are given by their names in small letters."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._shared: dict[Any, Server] = {}
        self._ending: list[Server] = []

    def start(self, **settings: object) -> Server:
        return Server(
            {f"BITRUN_{name.upper()}": str(value) for name, value in settings.items()}, self._start
        )

    def share(self, **settings: object) -> Server:
        """Return the running service with these settings."""
        key = tuple(sorted(settings.items()))
        if key not in self._shared:
            self._shared[key] = self.start(**settings)
        return self._shared[key]

    def stop(self, server: Server) -> None:
        """Have a service end, and go on: it may wait two seconds for its connections."""
        server.process.terminate()
        self._ending.append(server)

    def containers(self) -> set[str]:
        """Return the ids of the containers that exist."""
        raise NotImplementedError

    def close(self) -> None:
        for server in self._shared.values():
            self.stop(server)
        for server in self._ending:
            server.process.wait(timeout=60)


class RealServices(Services):
    def __init__(self, client: docker.APIClient) -> None:
        super().__init__(gunicorn)
        self._client = client

    def stop(self, server: Server) -> None:
        server.stop()

    def containers(self) -> set[str]:
        return set(our_containers(self._client))


class FakeServices(Services):
    """On engines whose boxes are processes; `programs` is the folder of `compile_programs`."""

    def __init__(self, forks: ForkServer, programs: Path, journal: Path, temporary: Path) -> None:
        def start(environment: dict[str, str]) -> Process:
            # Packing the playground takes a third of the start, and no test here asks for it. What a
            # worker leaves in the temporary folder goes with that of the tests.
            defaults = {"BITRUN_PLAYGROUND": "false", "TMPDIR": str(temporary)}
            own = {PROGRAMS: str(programs), JOURNAL: str(journal)}
            return forks.gunicorn("tests.support.fake_app:app", defaults | environment | own)

        super().__init__(start)
        self._journal = journal

    def containers(self) -> set[str]:
        return {path.name for path in self._journal.iterdir() if _exists(path)}


def _exists(entry: Path) -> bool:
    """Whether the process that a container lives with does; it may be gone without a word."""
    if entry.suffix == NEW:
        return False
    try:
        identity = entry.read_text()
        return process_identity(int(identity.split()[0])) == identity
    except (FileNotFoundError, ProcessLookupError):
        return False


class ServicesWithoutPool(Services):
    """Other services, which keep no container for a run to come; those that exist do not count."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._before = services.containers()

    def start(self, **settings: object) -> Server:
        return self._services.start(**{"pool_size": 0} | settings)

    def share(self, **settings: object) -> Server:
        return self._services.share(**{"pool_size": 0} | settings)

    def stop(self, server: Server) -> None:
        self._services.stop(server)

    def containers(self) -> set[str]:
        return self._services.containers() - self._before


class NowhereServices(Services):
    """Without an engine: the code of the seam finds nothing to connect to."""

    def __init__(self, forks: ForkServer) -> None:
        nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
        super().__init__(lambda environment: forks.gunicorn("app:app", environment | nowhere))

    def containers(self) -> set[str]:
        return set()
