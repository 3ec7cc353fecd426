"""A crash in a box writes no core dump, and starts no program of the host for one."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitrun.model.result import Outcome, Result
from bitrun.sandbox import box_maker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

PATTERN = Path("/proc/sys/kernel/core_pattern")

NAME = "bitrun-crash"  # of the process that crashes: others may crash meanwhile
_CRASH = f"""
import os, pathlib, resource, signal
pathlib.Path("/proc/self/comm").write_text("{NAME}")
for limit in ((-1, -1), (0, 1), (0, 0)):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, limit)
    except (OSError, ValueError):
        pass
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
"""


def crash(run: Callable[..., Result]) -> str:
    result = run("python", "python3", "-c", _CRASH, wall_ms=10_000)
    verdict = result.last.verdict
    assert (verdict.outcome, verdict.code, verdict.signal) == (Outcome.SIGNAL, None, "SIGSEGV")
    return result.last.output.decode().strip()


@pytest.mark.attack(
    "program", "raising or lowering the limit of core dumps, and crashing", "it stays, no dump"
)
def test_the_limit_stays(run: Callable[..., Result]) -> None:
    assert crash(run) == "(1, 1)"


@pytest.fixture
def handled(tmp_path: Path) -> Iterator[Path]:
    """Have the host start a program for core dumps, which writes their names into this file."""
    if os.geteuid() != 0:
        pytest.fail("setting the host's core_pattern needs root", pytrace=False)
    names = tmp_path / "names"
    names.touch()
    program = tmp_path / "handler"
    program.write_text(f'#!/bin/sh\necho "$1" >> {names}\n')
    program.chmod(0o755)
    before = PATTERN.read_text()
    try:
        PATTERN.write_text(f"|{program} %e")
        yield names
    finally:
        PATTERN.write_text(before)


@pytest.mark.chaos
@pytest.mark.attack(
    "program",
    "crashing on a host whose core_pattern starts a program, with any limit of core dumps",
    "the program is not started",
)
def test_no_program_of_the_host_is_started(
    run: Callable[..., Result], handled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = run("python", "cat", str(PATTERN)).last.output.decode()
    assert seen == PATTERN.read_text(), "the engine runs on another kernel than the tests"
    crash(run)
    time.sleep(1)
    assert NAME not in handled.read_text()
    # The other value that stands for no core dumps does not do, so the test would notice.
    monkeypatch.setattr(box_maker, "_CORE", 0)
    crash(run)
    assert wait_until(lambda: NAME in handled.read_text(), 5)
