"""The programs that leave all they can in a box and observe all they can, compiled."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

_PROGRAMS = ROOT / "tests" / "attacks" / "programs"


@cache
def compiled(name: str) -> bytes:
    """Return a C program of `tests/attacks/programs`, linked statically: it runs in any box."""
    binary = ROOT / "build" / "tests" / name
    binary.parent.mkdir(parents=True, exist_ok=True)
    source = _PROGRAMS / f"{name}.c"
    command = ["gcc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-s"]
    done = subprocess.run(
        [*command, "-o", f"{binary}.new", source], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"{source} can't be compiled here:\n{done.stderr}", pytrace=False)
    return Path(f"{binary}.new").rename(binary).read_bytes()
