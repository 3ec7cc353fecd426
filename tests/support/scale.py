"""How much slower than usual the engine's machine is, as an emulated one, for limits of time.

`make test-vm` sets it for the engine in its virtual machine.
"""

import os

VARIABLE = "BITRUN_TEST_TIME_SCALE"
SCALE = float(os.environ.get(VARIABLE, "1"))


def scaled(duration: float) -> float:
    """Return how long something may take here that may take `duration` elsewhere, in any unit."""
    return duration * SCALE
