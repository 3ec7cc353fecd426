"""Pseudo-terminals, of which the host has one pool for all containers; prints how many it got."""

import os
import sys

opened = 0
path = "/dev/ptmx"
try:
    while opened < int(sys.argv[1]):
        os.open(path, os.O_RDWR | os.O_NOCTTY)
        opened += 1
except OSError as error:
    print(error.strerror)
for other in ("/dev/pts/ptmx", "/dev/tty", "/dev/pts/0", "/dev/ptyp0"):
    try:
        os.open(other, os.O_RDWR | os.O_NOCTTY)
        print(other, "opened")
    except OSError:
        pass
try:
    os.chmod(path, 0o666)
    print("mode changed")
except OSError:
    pass
print(opened)
