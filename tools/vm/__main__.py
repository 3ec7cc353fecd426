"""`make test-vm` runs a selection of tests against the virtual machine's engine.

`python -m tools.vm -- COMMAND...` runs any other command here, with DOCKER_HOST at that engine, and
`python -m tools.vm --local` the selection against the engine of `make test`.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

from bitrun.config.settings import PREFIX, Settings
from tests.support.scale import VARIABLE
from tools.vm import disk, image, machine

_LOCK = image.CACHE.with_name("vm.lock")
_PAGE = image.ROOT / "docs" / "engines.md"
_TESTS = (
    "tests/vm",
    "tests/sandbox/cleanup/test_orphans.py",
    "tests/attacks/test_programs.py::test_nothing_gets_out",
    "tests/attacks/test_programs.py::test_the_catalogue_opens_the_32_bit_entry",
    "tests/attacks/test_programs.py::test_nothing_of_an_earlier_run",
    "tests/attacks/test_programs.py::test_nothing_of_a_concurrent_run",
    "tests/attacks/test_programs.py::test_the_supervisor_is_killed_as_memory_runs_out",
)
_PYTEST = (
    *(sys.executable, "-m", "pytest", "-p", "tests.vm.page", "--engines", str(_PAGE)),
    "--timeout=900",  # of one test, on an emulated processor
)
_REFERENCES = (
    "bitrun/supervisor:latest",
    "bitrun/python:latest",
    "bitrun/bash:latest",
    "bitrun/gcc:latest",
)
_PACKAGES = "python bash gcc"
_TIMES = (
    "v1_timeout",
    "compile_timeout",
    "compile_cpu_time",
    "run_timeout",
    "run_cpu_time",
    "queue_timeout",
)
_MAX_MINUTES = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.vm", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=_MAX_MINUTES, help="the longest it may take"
    )
    parser.add_argument("--local", action="store_true", help="start no machine")
    parser.add_argument("command", nargs="*", default=[*_PYTEST, *_TESTS])
    options = parser.parse_args()
    if options.local:
        return subprocess.run(options.command, cwd=image.ROOT, check=False).returncode

    # The way out of a context manager is the same for all that may end us.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    _LOCK.parent.mkdir(exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _run(options.command, options.minutes * 60)


def _run(command: list[str], seconds: float) -> int:
    made = image.make()
    filled = disk.prepare(made, _REFERENCES)
    with machine.running(made, filled) as started:
        scale = float(os.environ.get(VARIABLE, machine.TIME_SCALES[started.accelerator]))
        print(
            f"The engine answers after {started.boot_seconds:.0f} s, "
            f"with {started.accelerator}; time limits times {scale:g}",
            flush=True,
        )
        begun = time.monotonic()
        environment = {
            "DOCKER_HOST": started.docker_host,
            f"{PREFIX}PACKAGES": _PACKAGES,
            VARIABLE: str(scale),
            **_time_limits(scale),
        }
        try:
            done = subprocess.run(
                command, cwd=image.ROOT, env=os.environ | environment, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            print(f"Ended after {seconds / 60:.0f} minutes", file=sys.stderr)
            return 1
        print(f"It took {time.monotonic() - begun:.0f} s", flush=True)
    return done.returncode


def _time_limits(scale: float) -> dict[str, str]:
    """Raise the service's own defaults."""
    defaults = {name: Settings.model_fields[name].default for name in _TIMES}
    return {
        f"{PREFIX}{name.upper()}": str(round(value * scale)) for name, value in defaults.items()
    }


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
