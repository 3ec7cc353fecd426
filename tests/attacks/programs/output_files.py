"""Leaves in its folder whatever can block, mislead or flood who reads it, and some files."""

import contextlib
import os
import socket
import stat

MINE = b"mine\n"


def write(name: str | bytes) -> None:
    with open(name, "wb") as file:
        file.write(MINE)


os.mkfifo("fifo")
socket.socket(socket.AF_UNIX).bind("socket")
for name, target in {"out": "/etc/passwd", "zero": "/dev/zero", "root": "/", "circle": ".",
                     "self": "self", "proc": "/proc/self/fd/0", "fifo-link": "fifo"}.items():
    os.symlink(target, name)
for name in (b"line\nend", b"\xff", b"\x1b[2J", "\u202e".encode()):
    write(name)
for number in range(20):
    with open(f"sparse{number}", "wb") as file:
        file.truncate(1 << 34)
write("closed")
os.chmod("closed", 0)
for device in (os.makedev(1, 5), os.makedev(1, 8)):
    with contextlib.suppress(PermissionError):
        os.mknod("device", 0o666 | stat.S_IFCHR, device)
        print("a device was made")
write("changing")
if os.fork() == 0:  # it writes on and on, as long as it may
    while True:
        with open("changing", "ab") as file:
            file.write(MINE)
        os.truncate("changing", 0)
with contextlib.suppress(OSError):  # until there are no more inodes
    for number in range(1 << 20):
        write(f"many{number}")
for number in range(60):
    os.unlink(f"many{number}")
for number in range(60):
    os.mkdir("deep")
    os.chdir("deep")
print("done")
