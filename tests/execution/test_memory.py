"""Memory of a stage: true and repeatable, in the first stage of a box and in a later one."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bitrun.config.settings import MEBIBYTE, Settings
from bitrun.engine.engine import Engine
from bitrun.execution.admission import Admission
from bitrun.execution.runner import Runner
from bitrun.model.job import Job
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.stages import BOX_LIMITS, stage

pytestmark = pytest.mark.engine

MEGABYTE = 1_000_000
MEMORY = 256 * MEBIBYTE

Measure = Callable[..., Verdict]

# What a compiler may have taken before: more than any of the programs here.
COMPILE = ("python3", "-c", "bytearray(180_000_000)")


@pytest.fixture
def measure(engine: Engine) -> Measure:
    """Run a Python program, perhaps after a larger stage in the same box."""
    runner = Runner(Pool(BoxMaker(engine, Settings()), 0, dict), Admission(64, 0, 1.0))

    def measure(script: str, *, later: bool = False, memory: int = MEMORY) -> Verdict:
        stages = [stage(*COMPILE, memory=memory, wall_ms=20_000)] if later else []
        stages.append(stage("python3", "-c", script, memory=memory, wall_ms=20_000))
        job = Job("python", "bitrun/python", (), tuple(stages), BOX_LIMITS)
        result = runner.run(job)
        assert [each.verdict.outcome for each in result.stages] == [Outcome.OK] * len(stages)
        return result.last.verdict

    return measure


@dataclass(frozen=True)
class Program:
    """A program that holds its peak for a while, since a busy machine samples late."""

    name: str
    script: str
    size: int  # bytes, of what it takes besides the interpreter


HOLD = "\nimport time; time.sleep(0.3)"

# Children that all hold their memory at the same time.
_FORK = """
import os, time
ready, ended = os.pipe(), os.pipe()
for _ in range(4):
    if not os.fork():
        os.close(ended[1])
        {child}
        os.write(ready[1], b"x")
        os.read(ended[0], 1)
        os._exit(0)
for _ in range(4): os.read(ready[0], 1)
time.sleep(0.3)
"""

PROGRAMS = [
    Program("one process", "x = bytearray(50_000_000)", 50 * MEGABYTE),
    Program(
        "four processes at once", _FORK.format(child="x = bytearray(20_000_000)"), 80 * MEGABYTE
    ),
    Program(
        "four processes that share",
        "x = bytearray(60_000_000)" + _FORK.format(child="pass"),
        60 * MEGABYTE,
    ),
    Program(
        "four processes one after the other",
        "import os\nfor _ in range(4):\n"
        "  if not os.fork(): x = bytearray(40_000_000); os._exit(0)\n  os.wait()",
        40 * MEGABYTE,
    ),
    Program(
        "files",
        "for _ in range(40): open('/tmp/a', 'ab').write(bytes(1_000_000))" + HOLD,
        40 * MEGABYTE,
    ),
    Program(
        "files that are gone at the end",
        "import os\nfor _ in range(40): open('/tmp/a', 'ab').write(bytes(1_000_000))"
        f"{HOLD}\nos.remove('/tmp/a')",
        40 * MEGABYTE,
    ),
    Program(
        "shared memory of two processes",
        "import mmap, os\nx = mmap.mmap(-1, 40_000_000)\n"
        "if not os.fork():\n  for _ in range(40): x.write(b'x' * 1_000_000)\n  os._exit(0)\n"
        "os.wait()" + HOLD,
        40 * MEGABYTE,
    ),
    Program(
        "a file without a name",
        "import os\nf = os.memfd_create('a')\n"
        "for _ in range(40): os.write(f, bytes(1_000_000))" + HOLD,
        40 * MEGABYTE,
    ),
    Program(
        "files of the image, read",
        "for _ in range(2):\n  f = open('/usr/lib/x86_64-linux-gnu/libcrypto.so.3', 'rb')\n"
        "  while f.read(65536): pass" + HOLD,
        0,
    ),
]


@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_it_is_true(measure: Measure, program: Program, later: bool) -> None:
    truth = measure("pass").memory + program.size
    memory = measure(program.script, later=later).memory
    assert 0.9 * truth < memory < 1.1 * truth, memory / truth


@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
def test_it_is_repeatable(measure: Measure, later: bool) -> None:
    found = [measure("print(1)", later=later).memory for _ in range(5)]
    middle = statistics.median(found)
    assert all(abs(memory - middle) <= 0.05 * middle for memory in found), found
