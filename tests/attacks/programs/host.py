"""Looks for files, sockets, processes and variables of the host."""

import os
import socket
import stat
from pathlib import Path

OURS = {"/box", "/tmp", "/dev/shm", "/dev/mqueue", "/dev", "/dev/pts"}
HIDDEN = "/null"  # source of the mounts that hide files behind /dev/null
for line in Path("/proc/self/mountinfo").read_text().splitlines():
    _, _, _, source, target, options, *_ = line.split()
    if target not in OURS and source != HIDDEN and "rw" in options.split(",") and os.access(target, os.W_OK):
        print("can write to the mount", target, "from", source)

for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock",
             "/host", "/rootfs"):  # fmt: skip
    if os.path.exists(path):
        print("finds", path)
for folder, _, names in os.walk("/", onerror=lambda _: None):
    if folder.startswith(("/proc", "/sys")):
        continue
    for name in names:
        path = os.path.join(folder, name)
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            print("finds the socket", path)
        if os.access(path, os.W_OK, follow_symlinks=False) and not folder.startswith(
            ("/box", "/tmp", "/dev")
        ) and not os.path.islink(path):
            try:
                os.close(os.open(path, os.O_WRONLY))
            except OSError:
                continue
            print("can write", path)

for path in ("/new", "/etc/new", "/bitrun/supervisor", "/usr/bin/new", "/root/new", "/dev/new"):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
    except OSError:
        continue
    print("made", path)

if socket.gethostname() != "box":
    print("knows the host's name")
# By default no variable describes the service.
for name in os.environ:
    if "BITRUN" in name or "TOKEN" in name or "DOCKER" in name:
        print("has the variable", name)
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
if pids != [1, os.getpid()]:
    print("sees other processes:", pids)
print("done")
