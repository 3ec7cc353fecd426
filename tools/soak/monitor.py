"""Resources held by the service and its engine, to detect growth and leftovers."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from bitrun.engine.labels import INSTANCE
from bitrun.service.housekeeping import INTERVAL_SECONDS
from tools.bench import machine

# Longer than the interval of the service's housekeeping, which returns memory.
_SETTLED_SECONDS = INTERVAL_SECONDS + 5.0
_COMPILED = "/bitrun-compiled-"
_TIMEOUT_SECONDS = 120.0


# Gauges of `/metrics` that are 0 in a service that nobody uses.
IDLE_GAUGES = (
    "bitrun_places_taken",
    "bitrun_queue_length",
    "bitrun_sessions_open",
    "bitrun_sandboxes",
    "bitrun_body_memory_bytes",
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources in use at one moment: of the service's worker, and of the engine.

    `memory` is in bytes; `others` counts the engine's images, networks and volumes.
    """

    memory: int
    threads: int
    descriptors: int
    boxes: int
    others: int
    files: int


class Monitor:
    """Measures a service from outside.

    Create it before the service starts: only later containers count as the service's.
    `folder` is the service's directory of temporary files.
    """

    def __init__(self, client: docker.APIClient, folder: Path) -> None:
        self.client = client
        self._folder = folder
        self._other_instances = {_instance(each) for each in self._containers()}
        self.others_before = self._others()

    def measure(self, worker: int) -> Usage:
        use = machine.process_usage(worker)
        return Usage(
            memory=use.memory,
            threads=use.threads,
            descriptors=use.descriptors,
            boxes=len(self._boxes()),
            others=self._others(),
            # Those of the compile cache are bounded, and end with the service.
            files=sum(_COMPILED not in str(path) for path in self._files()),
        )

    def measure_at_rest(self, worker: int) -> Usage:
        """Measure once the number of boxes has stopped changing."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        before, since = -1, time.monotonic()
        while time.monotonic() < min(since + _SETTLED_SECONDS, deadline):
            boxes = len(self._boxes())
            if boxes != before:
                before, since = boxes, time.monotonic()
            time.sleep(0.5)
        return self.measure(worker)

    def processes(self) -> list[int]:
        """Find the service's processes and their children, by `folder` in their environment."""
        mark = str(self._folder).encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def leftovers(self) -> list[str]:
        """Describe what remains of a stopped service; waits for it to disappear."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while (found := self._leftovers()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def _leftovers(self) -> list[str]:
        more = self._others() - self.others_before
        return [
            *(f"container {each['Id'][:12]}, {each['Status']}" for each in self._boxes()),
            *([f"{more} images, networks or volumes"] if more else []),
            *(f"file {path}" for path in self._files()),
            *(f"process {each}" for each in self.processes()),
        ]

    def _boxes(self) -> list[dict[str, Any]]:
        return [each for each in self._containers() if _instance(each) not in self._other_instances]

    def _containers(self) -> list[dict[str, Any]]:
        return list(self.client.containers(all=True, filters={"label": INSTANCE}))

    def _others(self) -> int:
        volumes = self.client.volumes()["Volumes"] or ()
        return len(self.client.images(all=True)) + len(self.client.networks()) + len(volumes)

    def _files(self) -> list[Path]:
        return list(self._folder.rglob("*"))


def busy_gauges(gauges: Mapping[str, float]) -> list[str]:
    """Describe the idle gauges that are not 0, or are missing."""
    return [
        f"{name} is {gauges.get(name)} without load"
        for name in IDLE_GAUGES
        if gauges.get(name) != 0
    ]


def _instance(container: dict[str, Any]) -> str:
    return str(container["Labels"][INSTANCE])
