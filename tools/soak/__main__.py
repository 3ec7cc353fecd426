"""Keeps a service of its own at full load for an hour: `python -m tools.soak [--minutes N]`.

Honest and hostile programs, hostile requests, and a check of every answer; at the end, of what is
left. Writes `docs/soak.md`, also if it is interrupted, and exits with 1 if anything was lost.
"""

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import docker
from docker.utils import kwargs_from_env

from bitrun.config.settings import Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from tools.bench import machine
from tools.bench.service import ROOT, Target, own_service
from tools.soak import honest, hostile, page, trouble
from tools.soak.tally import Attempt, AttemptResult, Tally
from tools.soak.watch import EngineEvents, Holdings
from tools.soak.ways import Server

_PAGE = ROOT / "docs" / "soak.md"
_LOG = ROOT / "build" / "soak.log"
_TOLD_SECONDS = 60.0

# How often each kind is tried.
_WEIGHTS = {
    honest.EXECUTE: 6,
    honest.RUN: 4,
    honest.CONNECT: 4,
    hostile.GROUP: 4,
    trouble.REQUESTS: 4,
    trouble.BESIDE: 1,
}
# A machine at full load would end many an honest program at the default limits, and what is ended
# can't be checked.
_SETTINGS = {
    "BITRUN_RUN_TIMEOUT": "60000",
    "BITRUN_RUN_CPU_TIME": "60000",
    "BITRUN_COMPILE_TIMEOUT": "60000",
    "BITRUN_COMPILE_CPU_TIME": "60000",
    "BITRUN_V1_TIMEOUT": "60",
}
_MORE_CLIENTS = 4  # than places, so that some always wait
# UnsealedImages of the time after which the load rests, to compare what is held.
_RESTS = {"after a warm-up": 0.1, "half-way": 0.5, "at the end": 1.0}
# What the second half may add: the allocator, the threads and the engine's connections have not
# always seen their highest mark by half-way.
_MORE_MEMORY, _MORE_THREADS, _MORE_DESCRIPTORS = 8e6, 2, 16


class Load:
    """Clients that try one thing after the other."""

    def __init__(self, attempts: Iterable[Attempt], clients: int, tally: Tally) -> None:
        self._decks = dict(_decks(attempts))
        self._clients = clients
        self._tally = tally
        self._lock = threading.Lock()

    def run(self, deadline: float, stop: threading.Event) -> None:
        """Keep the clients busy until the monotonic clock is past the deadline, or to the stop."""

        def one() -> None:
            while time.monotonic() < deadline and not stop.is_set():
                self._tally.take(self._draw())

        threads = [threading.Thread(target=one) for _ in range(self._clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _draw(self) -> Attempt:
        groups = list(self._decks)
        weights = [_WEIGHTS[group] for group in groups]
        with self._lock:
            return next(self._decks[random.choices(groups, weights)[0]])  # noqa: S311


def _decks(attempts: Iterable[Attempt]) -> Iterator[tuple[str, Iterator[Attempt]]]:
    by_group: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_group.setdefault(attempt.group, []).append(attempt)
    for group, cards in by_group.items():
        random.shuffle(cards)
        yield group, itertools.cycle(cards)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    seconds = parser.parse_args().minutes * 60
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bitrun-soak-") as folder:
        os.environ |= _SETTINGS | {"TMPDIR": folder}
        client = docker.APIClient(version="auto", **kwargs_from_env())
        soak = Soak(Settings(), EngineEvents(client, Path(folder)), stop)
        soak.run(seconds)
    page.write(
        _PAGE,
        soak.tally,
        soak.growth,
        minutes=(time.monotonic() - begun) / 60,
        machine=machine.description(),
        clients=soak.clients,
        places=soak.settings.max_runs,
    )
    print(_line(soak.tally), *soak.tally.lost, sep="\n", flush=True)
    return 1 if soak.tally.lost else 0


class Soak:
    """A service from its start to its end, what it was asked and what it held meanwhile."""

    def __init__(self, settings: Settings, watch: EngineEvents, stop: threading.Event) -> None:
        self.settings = settings
        self.clients = settings.max_runs + _MORE_CLIENTS
        self.tally = Tally()
        self.growth: list[tuple[str, Holdings]] = []
        self._watch = watch
        self._stop = stop

    def run(self, seconds: float) -> None:
        """Soak for so long, or to the stop. Whatever goes wrong is counted as lost."""
        _LOG.parent.mkdir(exist_ok=True)
        try:
            with _LOG.open("wb") as log, own_service(log) as target:
                self._soak(target, seconds)
        except Exception as error:  # noqa: BLE001  the page has to be written all the same
            self.tally.lose(f"the soak itself has failed: {error!r}")
        for each in self._watch.left():
            self.tally.lose(f"left behind: {each}")
        if traces := _LOG.read_text(errors="replace").count("Traceback"):
            self.tally.lose(f"{traces} tracebacks in the service's log, {_LOG.relative_to(ROOT)}")
        self._compare()

    def _soak(self, target: Target, seconds: float) -> None:
        worker = target.worker or 0
        load = Load(_attempts(target, self._watch, self.settings), self.clients, self.tally)
        begun, over = time.monotonic(), threading.Event()
        teller = threading.Thread(target=self._tell, args=(worker, begun, over))
        teller.start()
        try:
            for when, part in _RESTS.items():
                load.run(begun + part * seconds, self._stop)
                self.growth.append((when, self._watch.rest(worker)))
                if self._stop.is_set():
                    return
        finally:
            over.set()
            teller.join()

    def _tell(self, worker: int, begun: float, over: threading.Event) -> None:
        """Print a line a minute."""
        while not over.wait(_TOLD_SECONDS):
            minutes = (time.monotonic() - begun) / 60
            try:
                held = self._watch.look(worker)
            except Exception as error:  # noqa: BLE001  the engine may be slow; the soak goes on
                now = repr(error)
            else:
                now = (
                    f"{held.memory / 1e6:.0f} MB, {held.threads} threads, "
                    f"{held.descriptors} descriptors, {held.boxes} boxes"
                )
            print(f"{minutes:.0f} min: {_line(self.tally)}; {now}", flush=True)

    def _compare(self) -> None:
        """Count as lost what has grown, and what a service at rest may not hold."""
        for when, held in self.growth:
            if held.boxes > self.settings.pool_places:
                self.tally.lose(f"{held.boxes} boxes {when}, more than the pool has places")
            more = held.others - self._watch.others_before
            if held.files or more:
                self.tally.lose(f"{held.files} temporary files, {more} more objects {when}")
        if len(self.growth) < len(_RESTS):
            return
        (_, middle), (_, end) = self.growth[1:]
        if (
            end.memory > middle.memory + _MORE_MEMORY
            or end.threads > middle.threads + _MORE_THREADS
            or end.descriptors > middle.descriptors + _MORE_DESCRIPTORS
        ):
            self.tally.lose("the second half of the time has made the service grow")


def _attempts(target: Target, watch: EngineEvents, settings: Settings) -> list[Attempt]:
    server = Server(target.url)
    service = Service(configuration.read(settings))
    runtimes = service.runtimes.all()
    return [
        *honest.attempts(server, service),
        *hostile.attempts(server, {runtime.language.name for runtime in runtimes}),
        *trouble.attempts(server),
        *trouble.beside(server, watch.client, runtimes[0].image),
    ]


def _line(tally: Tally) -> str:
    total = tally.total
    counts = ", ".join(f"{total[outcome]} {outcome}" for outcome in AttemptResult)
    return f"{total.total()} tried, {counts}"


if __name__ == "__main__":
    sys.exit(main())
