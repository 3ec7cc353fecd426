"""Loaded by PYTHONPATH: makes the wall clock jump by a day, back and forth, every half second."""

import time

_real, _monotonic = time.time, time.monotonic


def _jumping() -> float:
    return _real() + 86400 * (int(_monotonic() * 2) % 3 - 1)


time.time = _jumping
time.time_ns = lambda: int(_jumping() * 1e9)
