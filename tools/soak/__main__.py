"""Keeps a service at full load for an hour: `python -m tools.soak [--minutes N]`.

Runs honest and hostile programs, sends bad requests and hangs up, checks every answer, and looks
for leftovers at the end. Writes `docs/soak.md`, also when interrupted; exits with 1 on any failure.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import docker
from docker.utils import kwargs_from_env

from bitrun.config.settings import DIALECTS, Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from tools.bench import machine
from tools.bench.service import ROOT, Target, own_service
from tools.soak import (
    background,
    bad_requests,
    dialects,
    hang_ups,
    honest,
    hostile,
    large_requests,
    page,
    sandboxes,
)
from tools.soak.clients import ApiClient
from tools.soak.load import Load
from tools.soak.monitor import Monitor, Usage, busy_gauges
from tools.soak.results import Attempt, AttemptResult, Results
from tools.soak.wire import RawClient

_PAGE = ROOT / "docs" / "soak.md"
_LOG = ROOT / "build" / "soak.log"
_PROGRESS_SECONDS = 60.0

# How often each group is drawn.
_WEIGHTS = {
    honest.EXECUTE: 6,
    honest.RUN: 4,
    honest.CONNECT: 4,
    dialects.GROUP: 2,
    sandboxes.GROUP: 1,
    hostile.GROUP: 4,
    bad_requests.GROUP: 4,
    hang_ups.GROUP: 1,
    large_requests.GROUP: 1,
    background.GROUP: 1,
}
_SETTINGS = {
    # At the default limits a machine at full load would end many honest programs, whose results
    # could then not be checked.
    "BITRUN_RUN_TIMEOUT": "60000",
    "BITRUN_RUN_CPU_TIME": "60000",
    "BITRUN_COMPILE_TIMEOUT": "60000",
    "BITRUN_COMPILE_CPU_TIME": "60000",
    "BITRUN_V1_TIMEOUT": "60",
    "BITRUN_SANDBOX_TIMEOUT": "200000",
    "BITRUN_DIALECTS": " ".join(DIALECTS),
    # What `service_log` reads.
    "BITRUN_LOG_FORMAT": "json",
    "BITRUN_LOG_LEVEL": "info",
}
_EXTRA_CLIENTS = 4  # more than places, so that some always wait
# Shares of the time after which the load pauses and the usage is measured.
_CHECKPOINTS = {"after a warm-up": 0.1, "half-way": 0.5, "at the end": 1.0}
# Allowed growth in the second half: by half-way the allocator, the threads and the engine's
# connections have not always reached their maximum.
_MAX_MORE_MEMORY, _MAX_MORE_THREADS, _MAX_MORE_DESCRIPTORS = 8e6, 2, 16


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--dialect",
        choices=DIALECTS,
        help="send only the requests of this dialect of another service; writes build/soak.md",
    )
    options = parser.parse_args()
    seconds = options.minutes * 60
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    started = time.monotonic()
    # What is stored stays after a service.
    with (
        tempfile.TemporaryDirectory(prefix="bitrun-soak-") as folder,
        tempfile.TemporaryDirectory(prefix="bitrun-soak-stored-") as stored,
    ):
        os.environ |= _SETTINGS | {
            "TMPDIR": folder,
            "BITRUN_UPLOAD_FOLDER": f"{stored}/uploads",
            "BITRUN_STORE": f"{stored}/store.db",
        }
        engine = docker.APIClient(version="auto", **kwargs_from_env())
        soak = Soak(Settings(), Monitor(engine, Path(folder)), stop, options.dialect)
        soak.run(seconds)
    page.write(
        _PAGE if options.dialect is None else _LOG.with_suffix(".md"),
        soak.results,
        soak.growth,
        minutes=(time.monotonic() - started) / 60,
        machine=machine.description(),
        clients=soak.clients,
        places=soak.settings.max_runs,
    )
    print(_summary(soak.results), *soak.results.failures, sep="\n", flush=True)
    return 1 if soak.results.failures else 0


class Soak:
    """One soak test: a service from start to stop, the results, and the growth."""

    def __init__(
        self,
        settings: Settings,
        monitor: Monitor,
        stop: threading.Event,
        dialect: str | None = None,
    ) -> None:
        """Without a `dialect` everything is sent, else only its requests."""
        self.settings = settings
        self._dialect = dialect
        self.clients = settings.max_runs + _EXTRA_CLIENTS
        self.results = Results()
        self.growth: list[tuple[str, Usage]] = []
        self._monitor = monitor
        self._stop = stop

    def run(self, seconds: float) -> None:
        """Run for this time, or until the stop. All errors are counted as failures."""
        _LOG.parent.mkdir(exist_ok=True)
        try:
            with _LOG.open("wb") as log, own_service(log) as target:
                self._soak(target, seconds)
        except Exception as error:  # noqa: BLE001  the page has to be written all the same
            self.results.add_failure(f"the soak test itself has failed: {error!r}")
        for leftover in self._monitor.leftovers():
            self.results.add_failure(f"left behind: {leftover}")
        if count := _LOG.read_text(errors="replace").count("Traceback"):
            name = _LOG.relative_to(ROOT)
            self.results.add_failure(f"{count} tracebacks in the service's log, {name}")
        self._check_growth()

    def _soak(self, target: Target, seconds: float) -> None:
        worker = target.worker or 0
        attempts = (
            _attempts(target, self._monitor.client, self.settings)
            if self._dialect is None
            else dialects.attempts_of(self._dialect, ApiClient(target.url))
        )
        load = Load(attempts, _WEIGHTS, self.clients, self.results)
        started, finished = time.monotonic(), threading.Event()
        progress = threading.Thread(target=self._print_progress, args=(worker, started, finished))
        progress.start()
        try:
            for when, share in _CHECKPOINTS.items():
                load.run(started + share * seconds, self._stop)
                self.growth.append((when, self._monitor.measure_at_rest(worker)))
                for message in busy_gauges(ApiClient(target.url).gauges()):
                    self.results.add_failure(f"{message}, {when}")
                if self._stop.is_set():
                    return
        finally:
            finished.set()
            progress.join()

    def _print_progress(self, worker: int, started: float, finished: threading.Event) -> None:
        """Print a line a minute."""
        while not finished.wait(_PROGRESS_SECONDS):
            minutes = (time.monotonic() - started) / 60
            try:
                usage = self._monitor.measure(worker)
            except Exception as error:  # noqa: BLE001  the engine may be slow; the test goes on
                shown = repr(error)
            else:
                shown = (
                    f"{usage.memory / 1e6:.0f} MB, {usage.threads} threads, "
                    f"{usage.descriptors} descriptors, {usage.boxes} boxes"
                )
            print(f"{minutes:.0f} min: {_summary(self.results)}; {shown}", flush=True)

    def _check_growth(self) -> None:
        """Count growth as a failure, and anything that an idle service may not hold."""
        fail = self.results.add_failure
        for when, usage in self.growth:
            if usage.boxes > self.settings.pool_places:
                fail(f"{usage.boxes} boxes {when}, more than the pool has places")
            more = usage.others - self._monitor.others_before
            if usage.files or more:
                fail(f"{usage.files} temporary files, {more} more objects {when}")
        if len(self.growth) < len(_CHECKPOINTS):
            return
        (_, middle), (_, end) = self.growth[1:]
        if (
            end.memory > middle.memory + _MAX_MORE_MEMORY
            or end.threads > middle.threads + _MAX_MORE_THREADS
            or end.descriptors > middle.descriptors + _MAX_MORE_DESCRIPTORS
        ):
            fail("the service has grown in the second half of the time")


def _attempts(target: Target, engine: docker.APIClient, settings: Settings) -> list[Attempt]:
    client, raw = ApiClient(target.url), RawClient(target.url)
    service = Service(configuration.read(settings))
    runtimes = service.runtimes.all()
    languages = {runtime.language.name for runtime in runtimes}
    return [
        *honest.attempts(client, service),
        *dialects.attempts(client),
        *sandboxes.attempts(client, languages),
        *hostile.attempts(client, languages),
        *bad_requests.attempts(client, raw),
        *large_requests.attempts(client),
        *hang_ups.attempts(raw, _LOG, engine),
        *background.attempts(client, engine, runtimes[0].image),
    ]


def _summary(results: Results) -> str:
    total = results.total
    counts = ", ".join(f"{total[result]} {result}" for result in AttemptResult)
    return f"{total.total()} attempts: {counts}"


if __name__ == "__main__":
    sys.exit(main())
