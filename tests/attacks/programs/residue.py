"""Leaves data in files, memory, queues, sockets and processes, or looks for what others left."""

import ctypes
import os
import socket
import sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x5EC2E7
uid = os.getuid()

if sys.argv[1] == "leave":
    for folder in ("/box", "/tmp", "/dev/shm"):
        Path(folder, "secret").write_text("secret")
    assert libc.shmget(KEY, 4096, 0o1666) >= 0
    assert libc.semget(KEY, 1, 0o1666) >= 0
    assert libc.msgget(KEY, 0o1666) >= 0
    assert libc.mq_open(b"/secret", 0o102, 0o666, None) >= 0
    if not os.fork():
        secret = socket.socket(socket.AF_UNIX)
        secret.bind("\0secret")
        secret.listen()
        tcp = socket.create_server(("127.0.0.1", 9999))
        os.closerange(0, 3)
        tcp.accept()
    if sys.argv[2] == "stay":
        os.wait()
else:
    for folder in ("/box", "/tmp", "/dev/shm", "/dev/mqueue"):
        for found in Path(folder).rglob("*secret*"):
            print("found", found)
    for name, found in (
        ("memory", libc.shmget(KEY, 4096, 0)), ("semaphore", libc.semget(KEY, 1, 0)),
        ("queue", libc.msgget(KEY, 0)), ("message queue", libc.mq_open(b"/secret", 0)),
    ):  # fmt: skip
        if found >= 0:
            print("found a", name)
    for family, address in ((socket.AF_UNIX, "\0secret"), (socket.AF_INET, ("127.0.0.1", 9999))):
        with socket.socket(family) as other:
            if other.connect_ex(address) == 0:
                print("reached", address)
    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
    if others:
        print("sees", others)
print(uid)
