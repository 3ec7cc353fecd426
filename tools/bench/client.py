"""Load generation: timed requests, each answer checked."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit

from tools.bench import machine
from tools.bench.programs import Program


@dataclass
class Sample:
    """Times of one measurement in milliseconds, its length, and the CPU time used meanwhile."""

    times: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    machine_cpu_ms: float = 0.0
    service_cpu_ms: float = 0.0

    def __add__(self, other: Self) -> "Sample":
        return Sample(
            self.times + other.times,
            self.errors + other.errors,
            self.seconds + other.seconds,
            self.machine_cpu_ms + other.machine_cpu_ms,
            self.service_cpu_ms + other.service_cpu_ms,
        )

    def quantile(self, share: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    @property
    def rate(self) -> float:
        """Right answers per second."""
        return len(self.times) / self.seconds if self.seconds else 0.0

    @property
    def service_cpu_per_run(self) -> float:
        return self.service_cpu_ms / max(1, len(self.times))


class Client:
    """One connection to a Piston-compatible server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._prefix = parts.path.rstrip("/") + "/api/v2"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._prefix + path, json.dumps(body), headers)
        return json.loads(self._connection.getresponse().read())

    def run(self, program: Program) -> bool:
        """Run a program once; returns whether the answer is right."""
        try:
            answer = self.post("/execute", program.request)
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            return False
        run = answer.get("run") or {}
        return run.get("stdout") == "hi\n" and run.get("code") == 0


def timed(sample: Sample, action: Callable[[], bool]) -> None:
    started = time.perf_counter()
    if action():
        sample.times.append((time.perf_counter() - started) * 1000)
    else:
        sample.errors += 1


def repeated(count: int, action: Callable[[], bool], pause: float = 0.0) -> Sample:
    """Run an action `count` times, with a pause of so many seconds after each."""
    sample = Sample()
    started, cpu = time.perf_counter(), machine.machine_cpu_ms()
    for _ in range(count):
        timed(sample, action)
        time.sleep(pause)
    sample.seconds = time.perf_counter() - started
    sample.machine_cpu_ms = machine.machine_cpu_ms() - cpu
    return sample


def paced(url: str, program: Program, count: int, interval: float) -> Sample:
    """Send one request every `interval` seconds."""
    sample, client = Sample(), Client(url)
    started = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, started + number * interval - time.perf_counter()))
        timed(sample, lambda: client.run(program))
    sample.seconds = time.perf_counter() - started
    return sample


def concurrent(count: int, action: Callable[[], bool]) -> Sample:
    """Start an action `count` times at the same moment; `seconds` lasts until all are done."""
    sample = Sample()
    gate = threading.Barrier(count + 1)

    def once() -> None:
        gate.wait()
        timed(sample, action)

    threads = [threading.Thread(target=once) for _ in range(count)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    sample.seconds = time.perf_counter() - started
    return sample


def burst(url: str, program: Program, count: int) -> Sample:
    return concurrent(count, lambda: Client(url).run(program))


def sustained(url: str, program: Program, clients: int, more: Callable[[], bool]) -> Sample:
    """Keep this number of clients sending requests while `more()` is true."""
    return looped(clients, more, lambda: partial(Client(url).run, program))


def looped(at_once: int, more: Callable[[], bool], new: Callable[[], Callable[[], bool]]) -> Sample:
    """Repeat an action in so many threads while `more()` is true; `new` makes that of each."""
    sample = Sample()

    def loop() -> None:
        action = new()
        while more():
            timed(sample, action)

    threads = [threading.Thread(target=loop) for _ in range(at_once)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sample.seconds = time.perf_counter() - started
    return sample
