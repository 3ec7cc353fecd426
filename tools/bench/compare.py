"""Compares two checkouts: `python -m tools.bench.compare OLD_CHECKOUT [--rounds N] [--minutes N]`.

Starts a service from OLD_CHECKOUT and one from this checkout in turn, never both at once, on the
same engine, takes the same measurements of each, and prints the medians and their ratios. The order
changes from round to round, so that a slow drift of the machine affects both alike.

Both run in the images that are installed. If the checkouts differ in what their images are made of,
`--install` makes each install its own before its turn, and this one once more at the end.

OLD_CHECKOUT needs a `.venv` of its own: `make -C OLD_CHECKOUT setup`.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import docker
from docker.utils import kwargs_from_env

from bitrun.engine.labels import INSTANCE
from tools.bench.__main__ import bare_programs
from tools.bench.client import Sample, burst
from tools.bench.measurements import BareProgram, measure_paced, measure_sustained
from tools.bench.programs import PYTHON, C, Program
from tools.bench.service import ROOT, Target, interpreter, own_service, warm_up

_BURST, _BURSTS = 8, 3
_CLIENTS = 8
_PAUSE_SECONDS = 6.0  # until the pool is full again
_REMOVAL_SECONDS = 60.0  # for the boxes of a stopped service


@dataclass
class Turn:
    """The samples of one checkout, of one turn or of several added up."""

    python: Sample = field(default_factory=Sample)
    bare_python: Sample = field(default_factory=Sample)
    c: Sample = field(default_factory=Sample)
    bare_c: Sample = field(default_factory=Sample)
    burst: Sample = field(default_factory=Sample)
    burst_seconds: list[float] = field(default_factory=list)
    sustained: Sample = field(default_factory=Sample)

    def __add__(self, other: Self) -> "Turn":
        return Turn(
            self.python + other.python,
            self.bare_python + other.bare_python,
            self.c + other.c,
            self.bare_c + other.bare_c,
            self.burst + other.burst,
            self.burst_seconds + other.burst_seconds,
            self.sustained + other.sustained,
        )

    @property
    def errors(self) -> int:
        return sum(each.errors for each in (self.python, self.c, self.burst, self.sustained))


def _overhead(sample: Sample, bare: Sample, share: float) -> float:
    return sample.quantile(share) - bare.quantile(share)


METRICS: dict[str, Callable[[Turn], float]] = {
    "python paced, p50, ms": lambda turn: turn.python.quantile(0.5),
    "python paced, p50 above bare, ms": lambda turn: _overhead(turn.python, turn.bare_python, 0.5),
    "python paced, p95 above bare, ms": lambda turn: _overhead(turn.python, turn.bare_python, 0.95),
    "C paced, p50, ms": lambda turn: turn.c.quantile(0.5),
    "C paced, p50 above bare, ms": lambda turn: _overhead(turn.c, turn.bare_c, 0.5),
    f"python, burst of {_BURST}, ms": lambda turn: statistics.median(turn.burst_seconds) * 1000,
    f"python, {_CLIENTS} at once, runs/s": lambda turn: turn.sustained.rate,
    "service CPU, paced, ms/run": lambda turn: turn.python.service_cpu_per_run,
    "service CPU, burst, ms/run": lambda turn: turn.burst.service_cpu_per_run,
    f"service CPU, {_CLIENTS} at once, ms/run": lambda turn: turn.sustained.service_cpu_per_run,
}


class OutOfTime(Exception):
    """The time of `--minutes` is over."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", metavar="OLD_CHECKOUT", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=40, help="end after this time (40)")
    parser.add_argument("--runs", type=int, default=20, help="paced runs a turn and program (20)")
    parser.add_argument("--seconds", type=float, default=10, help="of 8 at once, a turn (10)")
    parser.add_argument("--install", action="store_true", help="install the images of each first")
    options = parser.parse_args()
    old = options.old.resolve()
    if not Path(interpreter(old)).exists():
        parser.error(f"{interpreter(old)} is missing: make -C {old} setup")

    comparison = Comparison(old, options.runs, options.seconds, install=options.install)
    try:
        with time_limit(options.minutes * 60), bare_programs() as bare:
            comparison.run(options.rounds, bare)
    except OutOfTime as error:
        print(error, file=sys.stderr)
    finally:
        comparison.reinstall()
    print("\n".join(table(comparison.rounds)))
    return 0 if comparison.rounds and not comparison.errors else 1


class Comparison:
    """Measures the two checkouts in turn. `rounds` holds the finished ones: (old, new)."""

    def __init__(self, old: Path, runs: int, seconds: float, *, install: bool) -> None:
        self.rounds: list[tuple[Turn, Turn]] = []
        self._old = old
        self._runs = runs
        self._seconds = seconds
        self._install = install

    @property
    def errors(self) -> int:
        return sum(turn.errors for pair in self.rounds for turn in pair)

    def run(self, rounds: int, bare: dict[Program, BareProgram]) -> None:
        for number in range(rounds):
            order = (self._old, ROOT) if number % 2 == 0 else (ROOT, self._old)
            turns = {checkout: self._measure(checkout, bare) for checkout in order}
            self.rounds.append((turns[self._old], turns[ROOT]))
            print(f"round {number + 1} of {rounds}", flush=True)
            print("\n".join(table(self.rounds[-1:])), flush=True)

    def reinstall(self) -> None:
        """Install the images of this checkout, if those of the other one may be there."""
        if self._install:
            install(ROOT)

    def _measure(self, checkout: Path, bare: dict[Program, BareProgram]) -> Turn:
        if self._install:
            install(checkout)
        with (
            no_boxes_left(),
            tempfile.TemporaryFile(prefix="bitrun-compare-") as log,
            own_service(log, checkout, compile_cache="0") as target,
        ):
            warm_up(target.url)
            return measure_turn(target, bare, self._runs, self._seconds)


def measure_turn(
    target: Target, bare: dict[Program, BareProgram], runs: int, seconds: float
) -> Turn:
    turn = Turn()
    for program in (PYTHON, C):
        bare[program].paced = Sample()
    turn.python = measure_paced(target, bare[PYTHON], PYTHON, runs)
    turn.c = measure_paced(target, bare[C], C, runs)
    turn.bare_python, turn.bare_c = bare[PYTHON].paced, bare[C].paced
    for _ in range(_BURSTS):
        time.sleep(_PAUSE_SECONDS)
        sample = target.measure(partial(burst, target.url, PYTHON, _BURST))
        turn.burst += sample
        turn.burst_seconds.append(sample.seconds)
    time.sleep(_PAUSE_SECONDS)
    turn.sustained = measure_sustained(target, PYTHON, _CLIENTS, seconds)
    return turn


def table(rounds: list[tuple[Turn, Turn]]) -> list[str]:
    """Return the lines of the comparison; the range is that of the single rounds' ratios."""
    if not rounds:
        return ["No round was finished."]
    old, new = sum((pair[0] for pair in rounds), Turn()), sum((pair[1] for pair in rounds), Turn())
    lines = [
        f"| {len(rounds)} rounds | old | new | new/old | range |",
        "|---|---|---|---|---|",
    ]
    for name, metric in METRICS.items():
        before, after = metric(old), metric(new)
        ratios = [_ratio(metric(a), metric(b)) for a, b in rounds]
        shown = f"{min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(
            f"| {name} | {before:.1f} | {after:.1f} | {_ratio(before, after):.2f} | {shown} |"
        )
    lines.append(f"| errors | {old.errors} | {new.errors} | | |")
    return lines


def _ratio(old: float, new: float) -> float:
    return new / old if old else float("nan")


def install(checkout: Path) -> None:
    """Bring the images of the measured programs to the state of a checkout."""
    subprocess.run(["make", "-C", checkout, "install", "PACKAGES=python node gcc"], check=True)


@contextmanager
def no_boxes_left() -> Iterator[None]:
    """Wait at the end until the boxes that have been added are gone; exit if they stay."""
    client = docker.APIClient(version="auto", **kwargs_from_env())
    try:
        before = _boxes(client)
        yield
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while left := _boxes(client) - before:
            if time.monotonic() > deadline:
                sys.exit(f"The stopped service has left boxes: {', '.join(sorted(left))}")
            time.sleep(0.5)
    finally:
        client.close()


def _boxes(client: docker.APIClient) -> set[str]:
    return {
        container["Id"][:12]
        for container in client.containers(all=True, filters={"label": INSTANCE})
    }


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the main thread after this time, and KeyboardInterrupt on SIGTERM."""

    def expire(*_: object) -> None:
        raise OutOfTime(f"Ended after {seconds / 60:.0f} minutes, before the last round")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    sys.exit(main())
