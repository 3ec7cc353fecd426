"""In a sandbox, in the background: reaches for each process of the supervisor that it sees.

A writer or a collector has the uid of the programs, and lives beside them here. Prints what got through, and
how many it has seen.
"""

import ctypes
import os
import time

libc = ctypes.CDLL(None, use_errno=True)
# The last two need the same permission as ptrace(2), which would stop what it attaches to.
PIDFD_OPEN, PIDFD_GETFD, PROCESS_VM_READV = 434, 438, 310


def name_of(pid: str) -> str:
    with open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip()


def reach_for(pid: str) -> list[str]:
    through = []
    for file in ("mem", "maps", "environ", "fd", "fdinfo", "map_files", "exe"):
        path = f"/proc/{pid}/{file}"
        try:
            if file == "exe":
                os.readlink(path)
            elif file in ("fd", "fdinfo", "map_files"):
                os.listdir(path)
            else:
                with open(path, "rb") as opened:
                    if not opened.read(1):  # of a zombie, which has nothing any more
                        continue
            through.append(file)
        except OSError:
            pass
    pidfd = libc.syscall(PIDFD_OPEN, int(pid), 0)
    if pidfd >= 0:
        for number in range(8):
            if libc.syscall(PIDFD_GETFD, pidfd, number, 0) >= 0:
                through.append(f"descriptor {number}")
        os.close(pidfd)
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_size_t * 2)(0x400000, 8)
    if libc.syscall(PROCESS_VM_READV, int(pid), vector, 1, remote, 1, 0) > 0:
        through.append("memory")
    return through


seen: set[str] = set()
deadline = time.monotonic() + 60
while not os.path.exists("stop") and time.monotonic() < deadline:
    for pid in os.listdir("/proc"):
        try:
            if not pid.isdigit() or name_of(pid) != "supervisor":
                continue
            seen.add(pid)
            for what in reach_for(pid):
                # One that has become a program meanwhile is nobody's helper.
                if name_of(pid) == "supervisor":
                    print("through:", what, flush=True)
        except OSError:
            continue
    with open("started", "w"):
        pass
print("seen", len(seen))
