"""Cost of single container options on the engine: the table of variants in `docs/speed.md`.

Run as: python -m tools.bench.container_cost [ROUNDS]
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.labels import INSTANCE
from bitrun.model.job import BoxLimits
from bitrun.sandbox.box_maker import BoxMaker
from tools.bench import machine
from tools.bench.baselines import default_limits

Change = Callable[[dict[str, Any], dict[str, Any]], None]


class _ChangedEngine(Engine):
    """An engine that creates containers with changed options."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._change = change

    def create_container(
        self, image: str, command: list[str], host: dict[str, Any], **options: Any
    ) -> str:
        self._change(host, options)
        return super().create_container(image, command, host, **options)


def _seccomp(host: dict[str, Any], *others: str) -> None:
    host["security_opt"] = ["no-new-privileges", *others]


def _no_quota(host: dict[str, Any], _options: dict[str, Any]) -> None:
    del host["cpu_period"], host["cpu_quota"]


VARIANTS: dict[str, Change] = {
    "a box, unchanged": lambda _host, _options: None,
    "NetworkMode none only": lambda _host, options: options.pop("network_disabled"),
    "IpcMode none": lambda host, _options: host.update(ipc_mode="none"),
    "Docker's seccomp profile": lambda host, _options: _seccomp(host),
    "no seccomp profile": lambda host, _options: _seccomp(host, "seccomp=unconfined"),
    "no CPU quota": _no_quota,
    "log driver json-file": lambda host, _options: host.update(log_config={"Type": "json-file"}),
}


class Variant:
    def __init__(self, change: Change) -> None:
        self._engine = _ChangedEngine(change)
        self._boxes = BoxMaker(self._engine, Settings())
        image = self._engine.find_image("bitrun/bash")
        self._image = image.id if image else ""
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []

    def measure(self, limits: BoxLimits) -> None:
        """Create a box, remove it, and wait until it is gone."""
        cpu, started = machine.machine_cpu_ms(), time.perf_counter()
        box = self._boxes.make(self._image, limits)
        self.wall_ms.append((time.perf_counter() - started) * 1000)
        box.discard()
        while self._engine.list_containers(INSTANCE, self._boxes.instance):
            time.sleep(0.02)
        self.cpu_ms.append(machine.machine_cpu_ms() - cpu)


def main(rounds: int) -> None:
    limits = default_limits(Settings())
    variants = {name: Variant(change) for name, change in VARIANTS.items()}
    for _ in range(rounds):
        for variant in variants.values():
            variant.measure(limits)
    print("| variant | create, p50 ms | CPU of the machine, create and remove, p50 ms |")
    print("|---|---|---|")
    for name, variant in variants.items():
        wall, cpu = map(statistics.median, (variant.wall_ms, variant.cpu_ms))
        print(f"| {name} | {wall:.0f} | {cpu:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
