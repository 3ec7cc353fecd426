"""Writes frames of the supervisor to every descriptor, with a verdict other than the true one."""

import os

FORGED = b"code=0\nsignal=0\nlimit=none\noom=0\nwall_us=1\ncpu_us=1\nmemory=1\n"


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


for fd in range(3, 4096):
    try:
        os.write(fd, frame(b"v", FORGED))
    except OSError:
        continue
    os.write(1, b"wrote to descriptor %d\n" % fd)
for fd in (1, 2):
    os.write(fd, frame(b"v", FORGED) + frame(b"x", b"broken") + frame(b"f", b"ENOSPC: no") + b"\n")
os._exit(3)
