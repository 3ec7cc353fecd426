"""CPU time, memory, threads and descriptors of processes and the machine, from /proc."""

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ProcessUsage:
    """Resources of a process at one moment; `memory` in bytes."""

    memory: int
    threads: int
    descriptors: int


def machine_cpu_ms() -> float:
    """CPU time of the whole machine since its start."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    idle = numbers[3] + numbers[4]
    return (sum(numbers) - idle) * _TICK_MS


def process_cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


def thread_cpu_ms(pid: int) -> float:
    """CPU time of a process's main thread, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def process_usage(pid: int) -> ProcessUsage:
    return ProcessUsage(
        memory=_proportional_memory(pid),
        threads=_entries(pid, "task"),
        descriptors=_entries(pid, "fd"),
    )


def idle_box_memory(boxes: int) -> int:
    """Memory of one idle box in bytes: its supervisor and its shim."""
    total = 0
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if (entry / "comm").read_text().strip() in ("supervisor", "containerd-shim"):
                total += _proportional_memory(int(entry.name))
    return total // max(1, boxes)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def description() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} processors ({model}), Linux {platform.release()}"


def _entries(pid: int, folder: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())


def _proportional_memory(pid: int) -> int:
    """Proportional set size in bytes: shared pages are divided, so that sums are right."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
