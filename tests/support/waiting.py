"""Waits with a deadline."""

import time
from collections.abc import Callable

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
    said = ""

    def written() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return text in said

    assert wait_until(written, seconds), said
    return said
