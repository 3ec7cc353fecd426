"""On a service's PYTHONPATH, this has its wall clock jump by a day, to and fro, every half second."""

import time

_real, _monotonic = time.time, time.monotonic


def _jumping() -> float:
    return _real() + 86400 * (int(_monotonic() * 2) % 3 - 1)


time.time = _jumping
time.time_ns = lambda: int(_jumping() * 1e9)
