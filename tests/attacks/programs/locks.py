"""Timers, semaphores, queues, watches: resources that the kernel limits by user or machine."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
# More of them would run into the limit of memory, which includes the kernel's structures.
MAX_ATTEMPTS = 5000
buffer = ctypes.create_string_buffer(64)
for make in (
    lambda number: libc.timer_create(1, None, buffer),
    lambda number: libc.semget(0, 100, 0o1600),
    lambda number: libc.msgget(0, 0o1600),
    lambda number: libc.mq_open(b"/%d" % number, 0o102, 0o600, None),
    lambda number: libc.inotify_add_watch(watch, b"/box", 2),
):
    watch = libc.inotify_init1(0)
    number = 0
    while make(number) >= 0 and number < MAX_ATTEMPTS:
        number += 1
print("done")
