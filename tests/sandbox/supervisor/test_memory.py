"""Memory of a stage by a cgroup's counters, of both versions: files of the test in their place."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bitrun.model.result import Outcome, Verdict
from tests.support.stages import collect, stage
from tests.support.supervisor_process import SupervisorProcess

MEGABYTE = 1_000_000
LIMIT = 64 * MEGABYTE
ACCURACY = 2 * MEGABYTE  # of what the shell has mapped, and of samples


@dataclass
class Counters:
    """What the kernel reports of a box: bytes, pages, faults, ns."""

    usage: int = 2 * MEGABYTE
    peak: int = 5 * MEGABYTE
    file: int = 0
    kernel: int = 0
    refaults: int = 0
    major_faults: int = 0
    user_ns: int = 0
    oom_kills: int = 0


class Cgroup:
    """The files of a cgroup of one of both versions; `counters` are in them after `show`."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder = folder
        self.version = version
        self.counters = Counters()
        if version == 2:
            self._write("cgroup.controllers", "memory")
        self.show()

    def show(self) -> None:
        """Write the files, last the usage: a sample between two has too much subtracted, not too little."""
        now = self.counters
        stat = (
            f"inactive_file {now.file // 2}\nactive_file {now.file - now.file // 2}\n"
            f"workingset_refault_file {now.refaults}\npgmajfault {now.major_faults}\n"
        )
        if self.version == 2:
            files = {
                "memory.max": LIMIT,
                "memory.peak": now.peak,
                "memory.events": f"oom_kill {now.oom_kills}",
                "memory.stat": f"file 0\nkernel {now.kernel}\n{stat}",
                "cpu.stat": f"usage_usec {now.user_ns // 1000}\nuser_usec {now.user_ns // 1000}\n",
                "memory.current": now.usage,
            }
        else:
            files = {
                "memory/memory.limit_in_bytes": LIMIT,
                "memory/memory.max_usage_in_bytes": now.peak,
                "memory/memory.kmem.usage_in_bytes": now.kernel,
                "memory/memory.oom_control": f"oom_kill {now.oom_kills}",
                "memory/memory.stat": f"cache 0\n{stat}total_inactive_file 7\n",
                "cpuacct/cpuacct.usage": now.user_ns,
                "cpuacct/cpuacct.stat": f"user {now.user_ns // 10_000_000}\nsystem 0\n",
                "memory/memory.usage_in_bytes": now.usage,
            }
        for name, value in files.items():
            self._write(name, str(value))

    def _write(self, name: str, text: str) -> None:
        # In place, since the supervisor keeps them open, and never empty.
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("r+" if path.exists() else "w") as file:
            file.write(f"{text}\n")
            file.truncate()

    @contextmanager
    def changing(self, change: Callable[[Counters], None]) -> Iterator[None]:
        """Change the counters every 20 ms while the block runs."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(0.02):
                change(self.counters)
                self.show()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def cgroup(request: pytest.FixtureRequest, tmp_path: Path) -> Cgroup:
    return Cgroup(tmp_path, request.param)


@pytest.fixture
def box(cgroup: Cgroup, supervisor_binary: Path, workdir: Path) -> Iterator[SupervisorProcess]:
    prepare = f"mount --bind {cgroup.folder} /sys/fs/cgroup"
    process = SupervisorProcess(supervisor_binary, workdir, prepare)
    yield process
    process.close()


def run_while(box: SupervisorProcess, change: Callable[[], None]) -> Verdict:
    """Run a program that lives until the change has been seen."""
    box.client.start(stage("sh", "-c", "echo; read x"), interactive=True)
    while not box.client.receive():
        pass
    change()
    time.sleep(0.3)
    box.client.write(b"\n")
    while True:
        for event in box.client.receive():
            if isinstance(event, Verdict):
                return event


def test_a_sample(cgroup: Cgroup, box: SupervisorProcess) -> None:
    """What is the image's and what is the kernel's is not the program's."""

    def grow() -> None:
        cgroup.counters = Counters(60 * MEGABYTE, file=15 * MEGABYTE, kernel=5 * MEGABYTE)
        cgroup.show()

    assert abs(run_while(box, grow).memory - 40 * MEGABYTE) < ACCURACY


def test_a_peak_that_no_sample_has_seen(cgroup: Cgroup, box: SupervisorProcess) -> None:
    def spike() -> None:
        cgroup.counters = Counters(peak=50 * MEGABYTE, file=MEGABYTE)
        cgroup.show()

    assert abs(run_while(box, spike).memory - 49 * MEGABYTE) < ACCURACY
    # It is that of an earlier stage then.
    assert run_while(box, cgroup.show).memory < 3 * MEGABYTE


def test_a_process_is_never_larger_than_its_stage(cgroup: Cgroup, box: SupervisorProcess) -> None:
    verdict, _, _ = box.run("python3", "-c", "x = bytearray(30_000_000)")
    assert verdict.memory > 30_000_000


@pytest.mark.parametrize("size", [1, 70_000_000])
def test_memory_that_ran_out_is_all_of_it(
    cgroup: Cgroup, box: SupervisorProcess, size: int
) -> None:
    """Though no sample has seen that, or a process has mapped files that others are charged for."""

    def kill(counters: Counters) -> None:
        counters.oom_kills += 1  # the first may be before the stage

    program = f"x = bytearray({size}); import time; time.sleep(0.3)"
    with cgroup.changing(kill):
        verdict, _, _ = box.run("python3", "-c", program)
    assert verdict.memory == LIMIT


THRASH = {"usage": LIMIT - MEGABYTE, "file": 8 * MEGABYTE, "refaults": 1000, "major_faults": 3}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.MEMORY),
        ({"usage": LIMIT // 2}, Outcome.WALL_TIME),
        ({"refaults": 10}, Outcome.WALL_TIME),  # a program that has what it needs
        ({"major_faults": 0}, Outcome.WALL_TIME),  # files that are read, by read()
        ({"user_percent": 90}, Outcome.WALL_TIME),  # a program that gets to run
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_limit_far_too_small(
    cgroup: Cgroup, box: SupervisorProcess, changes: dict[str, int], outcome: Outcome
) -> None:
    step = THRASH | changes
    started = time.monotonic_ns()

    def thrash(counters: Counters) -> None:
        counters.usage, counters.file = step["usage"], step["file"]
        counters.refaults += step["refaults"]
        counters.major_faults += step["major_faults"]
        # of the time that has passed, as the steps of a busy machine are longer
        counters.user_ns = (time.monotonic_ns() - started) * step.get("user_percent", 0) // 100

    with cgroup.changing(thrash):
        verdict, _, _ = collect(box.client, stage("sleep", "60", wall_ms=3000))
    assert verdict.outcome is outcome
    assert verdict.signal == "SIGKILL"
    assert verdict.oom_killed is (outcome is Outcome.MEMORY)
    if outcome is Outcome.MEMORY:
        assert verdict.memory == LIMIT


def test_an_old_trouble_does_not_count(cgroup: Cgroup, box: SupervisorProcess) -> None:
    """A program that has what it needs by now has reached its time limit by itself."""
    ended = time.monotonic() + 0.8

    def thrash(counters: Counters) -> None:
        counters.usage, counters.file = THRASH["usage"], THRASH["file"]
        if time.monotonic() < ended:
            counters.refaults += 1000
            counters.major_faults += 3

    with cgroup.changing(thrash):
        verdict, _, _ = collect(box.client, stage("sleep", "60", wall_ms=3000))
    assert verdict.outcome is Outcome.WALL_TIME
