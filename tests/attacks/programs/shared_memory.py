"""Shared memory: mappings, and segments that outlive their process."""

import ctypes
import mmap

libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
while True:
    mmap.mmap(-1, 1_000_000).write(b"x" * 1_000_000)
    segment = libc.shmget(0, 1_000_000, 0o1600)
    ctypes.memset(libc.shmat(segment, None, 0), 1, 1_000_000)
