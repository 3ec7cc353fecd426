"""What the service and its engine hold, so that growth and left-overs are seen."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from bitrun.engine.labels import INSTANCE
from bitrun.service.housekeeping import INTERVAL_SECONDS
from tools.bench import machine

# So that the service has kept house once, which gives memory back.
_SETTLED_SECONDS = INTERVAL_SECONDS + 5.0
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is held at one moment; `memory` in bytes, `others` all of the engine but containers."""

    memory: int
    threads: int
    descriptors: int
    boxes: int
    others: int
    files: int


class EngineEvents:
    """Looks at a service from outside; made before it starts, to know what is not its own.

    `folder` is the one that the service has its temporary files in.
    """

    def __init__(self, client: docker.APIClient, folder: Path) -> None:
        self.client = client
        self._folder = folder
        self._strangers = {_instance(each) for each in self._containers()}
        self.others_before = self._others()

    def look(self, worker: int) -> Holdings:
        use = machine.use(worker)
        return Holdings(
            memory=use.memory,
            threads=use.threads,
            descriptors=use.descriptors,
            boxes=len(self._boxes()),
            others=self._others(),
            files=len(self._files()),
        )

    def rest(self, worker: int) -> Holdings:
        """Look once no box comes or goes any more."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        before, since = -1, time.monotonic()
        while time.monotonic() < min(since + _SETTLED_SECONDS, deadline):
            boxes = len(self._boxes())
            if boxes != before:
                before, since = boxes, time.monotonic()
            time.sleep(0.5)
        return self.look(worker)

    def processes(self) -> list[int]:
        """Find those of the service, its helpers too: its folder is in their environment."""
        mark = str(self._folder).encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def left(self) -> list[str]:
        """Name what is left of a service that has ended, after some patience."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (found := self._left()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def _left(self) -> list[str]:
        more = self._others() - self.others_before
        return [
            *(f"container {each['Id'][:12]}, {each['Status']}" for each in self._boxes()),
            *([f"{more} images, networks or volumes"] if more else []),
            *(f"file {path}" for path in self._files()),
            *(f"process {each}" for each in self.processes()),
        ]

    def _boxes(self) -> list[dict[str, Any]]:
        return [each for each in self._containers() if _instance(each) not in self._strangers]

    def _containers(self) -> list[dict[str, Any]]:
        return list(self.client.containers(all=True, filters={"label": INSTANCE}))

    def _others(self) -> int:
        volumes = self.client.volumes()["Volumes"] or ()
        return len(self.client.images(all=True)) + len(self.client.networks()) + len(volumes)

    def _files(self) -> list[Path]:
        return list(self._folder.rglob("*"))


def _instance(container: dict[str, Any]) -> str:
    return str(container["Labels"][INSTANCE])
