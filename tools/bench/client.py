"""Load: requests that are timed and whose answers are checked."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from tools.bench.programs import Program


@dataclass
class Sample:
    """The times of one measurement, in milliseconds, and what it cost besides."""

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
        return len(self.times) / self.seconds if self.seconds else 0.0


class Client:
    """One connection to a Piston-compatible server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._path = parts.path.rstrip("/") + "/api/v2/execute"

    def run(self, program: Program) -> bool:
        """Run a program once; whether the answer is the right one."""
        try:
            self._connection.request(
                "POST",
                self._path,
                json.dumps(program.request),
                {"Content-Type": "application/json"},
            )
            answer = json.loads(self._connection.getresponse().read())
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


def paced(url: str, program: Program, count: int, interval: float) -> Sample:
    """Send one request every `interval` seconds."""
    sample, client = Sample(), Client(url)
    begun = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, begun + number * interval - time.perf_counter()))
        timed(sample, lambda: client.run(program))
    sample.seconds = time.perf_counter() - begun
    return sample


def together(count: int, action: Callable[[], bool]) -> Sample:
    """Do it so many times at the same moment; `seconds` is when the last one is done."""
    sample = Sample()
    gate = threading.Barrier(count + 1)

    def one() -> None:
        gate.wait()
        timed(sample, action)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    sample.seconds = time.perf_counter() - begun
    return sample


def burst(url: str, program: Program, count: int) -> Sample:
    return together(count, lambda: Client(url).run(program))


def sustained(url: str, program: Program, clients: int, more: Callable[[], bool]) -> Sample:
    """Have so many clients ask again and again while `more()` says so."""
    sample = Sample()

    def one() -> None:
        client = Client(url)
        while more():
            timed(sample, lambda: client.run(program))

    threads = [threading.Thread(target=one) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sample.seconds = time.perf_counter() - begun
    return sample
