"""Looks for writable files in /proc and /sys, and for readable secrets of the kernel."""

import os
from pathlib import Path

for root in ("/proc", "/sys"):
    for folder, folders, names in os.walk(root):
        if folder == "/proc":
            # A process may change its own entries.
            folders[:] = [name for name in folders if not name.isdigit() and "self" not in name]
        for name in names:
            path = os.path.join(folder, name)
            try:
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue
            # Some are hidden behind /dev/null. A write to /proc/pressure only registers a trigger for
            # the writer.
            if os.fstat(fd).st_rdev != os.stat("/dev/null").st_rdev and folder != "/proc/pressure":
                print("can be written:", path)
            os.close(fd)

SECRET = (
    "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/port", "/proc/kcore", "/proc/keys",
    "/proc/sysrq-trigger", "/proc/timer_list", "/proc/sched_debug", "/proc/1/environ",
    "/sys/firmware/dmi/tables/DMI", "/sys/kernel/debug/tracing/trace", "/etc/shadow",
)  # fmt: skip
for path in SECRET:
    try:
        data = Path(path).open("rb").read(100)
    except OSError:
        continue
    if data:
        print("can be read:", path)

for line in Path("/proc/kallsyms").read_text().splitlines()[:100]:
    if int(line.split()[0], 16):
        print("knows where the kernel is:", line)
        break
print("done")
