"""Waits with a deadline."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def read_stderr_until(capfd: pytest.CaptureFixture[str], text: str, seconds: float) -> str:
    """Wait until a process of the test's has written this, and return all that was written."""
    # Not by capfd's own call, which loses what is written while it reads.
    log = Path("/proc/self/fd/2")
    assert wait_until(lambda: text in log.read_text(), seconds), log.read_text()
    return log.read_text()
