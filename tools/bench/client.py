"""Load generation: timed requests, each answer checked."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from io import BufferedRWPair
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
    """One connection to a Piston-compatible server.

    It reads the answers itself: http.client takes 0.2 to 0.4 ms of processor time for a request, on
    the machine that is measured, where a run in a reused box takes 4 ms more than a bare process.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._host = parts.netloc
        self._prefix = parts.path.rstrip("/") + "/api/v2"
        self._stream: BufferedRWPair | None = None

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the JSON of an answer, whatever its status.

        Raises:
            OSError, ValueError: no answer has come; the next request gets a new connection.
        """
        content = json.dumps(body).encode()
        head = (
            f"POST {self._prefix}{path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        if self._stream is None:
            self._stream = _connect(self._address)
        try:
            self._stream.write(head.encode() + content)
            self._stream.flush()
            return json.loads(_read_answer(self._stream))
        except (OSError, ValueError):
            stream, self._stream = self._stream, None
            with contextlib.suppress(OSError):
                stream.close()
            raise

    def run(self, program: Program) -> bool:
        """Run a program once; returns whether the answer is right."""
        try:
            answer = self.post("/execute", program.request)
        except (OSError, ValueError):
            return False
        run = answer.get("run") or {}
        return run.get("stdout") == "hi\n" and run.get("code") == 0


def _connect(address: tuple[str, int]) -> BufferedRWPair:
    with socket.create_connection(address, timeout=120) as connection:
        return connection.makefile("rwb")  # which keeps it open


def _read_answer(stream: BufferedRWPair) -> bytes:
    """Read the body of an answer; empty at the end of the connection."""
    length = 0
    while (line := stream.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return stream.read(length)


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
