"""Tries to gain privileges: ids, capabilities, setuid files, devices."""

import ctypes
import os
import stat
import subprocess
from pathlib import Path

for line in Path("/proc/self/status").read_text().splitlines():
    name, _, value = line.partition(":\t")
    if name in ("CapInh", "CapPrm", "CapEff", "CapAmb") and int(value, 16):
        print("has", line)
    if name == "NoNewPrivs" and value != "1":
        print("may gain privileges")

me = os.getuid()
for become in (
    lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setuid(me + 1),
    lambda: os.setresuid(-1, 0, -1), lambda: os.setresgid(0, 0, 0),
):  # fmt: skip
    try:
        become()
    except PermissionError:
        continue
    print("became another:", os.getresuid(), os.getresgid(), os.getgroups())

_PR_CAP_AMBIENT, _RAISE = 47, 2
for capability in range(64):
    if ctypes.CDLL(None).prctl(_PR_CAP_AMBIENT, _RAISE, capability, 0, 0) == 0:
        print("raised capability", capability)

for folder, _, names in os.walk("/"):
    if folder.startswith("/proc"):
        continue
    for name in names:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID) and os.access(path, os.X_OK):
            child = subprocess.Popen([path], stdin=-3, stdout=-3, stderr=-3)
            ids = [line.split() for line in Path(f"/proc/{child.pid}/status").open() if "id:\t" in line]
            if ["Uid:", *[str(me)] * 4] not in ids or ["Gid:", *[str(me)] * 4] not in ids:
                print("another in", path, ids)
            child.kill()
            child.wait()

for kind in (stat.S_IFCHR, stat.S_IFBLK):
    for major, minor in ((0, 0), (1, 1), (1, 3), (1, 11), (7, 0), (8, 0), (10, 237), (254, 0)):
        try:
            os.mknod("node", kind | 0o600, os.makedev(major, minor))
        except PermissionError:
            continue
        print("made a device", major, minor)

HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
for folder, _, names in os.walk("/dev"):
    for name in names:
        mode = os.stat(os.path.join(folder, name)).st_mode if name not in ("core",) else 0
        if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and name not in HARMLESS:
            print("finds the device", folder, name)
print("done")
