"""Attacks PID 1 of the box, which decides the verdict: stop, read, trace or replace it."""

import ctypes
import os
import resource
import signal
import time
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

for number in range(65):
    try:
        os.kill(1, number)
    except OSError:
        continue
    print("sent it signal", number)
try:
    signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGSTOP)
except OSError:
    pass
else:
    print("stopped it")

for name in os.listdir("/proc/1"):
    if name in ("mem", "environ", "maps", "auxv", "stack", "syscall", "io", "pagemap", "clear_refs",
                "oom_score_adj", "timerslack_ns", "coredump_filter"):  # fmt: skip
        for flags in (os.O_RDONLY, os.O_WRONLY):
            try:
                fd = os.open(f"/proc/1/{name}", flags)
                done = os.read(fd, 10) if flags == os.O_RDONLY else os.write(fd, b"1")
            except OSError:
                continue
            if flags == os.O_WRONLY or name not in ("oom_score_adj", "coredump_filter"):
                print("opened", name, flags, done)
for folder in ("fd", "map_files", "cwd", "root", "exe", "ns"):
    try:
        print("listed", folder, os.listdir(f"/proc/1/{folder}"))
    except OSError:
        continue
for number in range(64):
    try:
        os.close(os.open(f"/proc/1/fd/{number}", os.O_WRONLY))
    except OSError:
        continue
    print("opened its descriptor", number)

_ATTACH, _SEIZE = 16, 0x4206
for way in (_ATTACH, _SEIZE):
    if libc.ptrace(way, 1, 0, 0) == 0:
        print("traces it")
for change in (
    lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    lambda: os.sched_setaffinity(1, {0}),
    lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
    lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)),
    lambda: Path("/bitrun/supervisor").write_bytes(b""),
    lambda: os.rename("/bitrun/supervisor", "/bitrun/other"),
    lambda: Path("/proc/1/cgroup").write_bytes(b"0"),
):
    try:
        change()
    except OSError:
        continue
    print("changed it")
time.sleep(0.1)
print("done")
