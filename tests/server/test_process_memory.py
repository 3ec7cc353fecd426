"""The allocator, as glibc and the kernel report it."""

import subprocess
import sys

COUNT = """
import ctypes, threading
from bitrun.server import process_memory as memory
if {shared}:
    memory.share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
gate = threading.Barrier(8)

def allocate():
    gate.wait()  # a thread that has ended leaves its arena to the next
    libc.malloc(ctypes.c_size_t(100_000))
    gate.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def arenas(*, shared: bool) -> int:
    output = subprocess.run(
        [sys.executable, "-c", COUNT.format(shared=shared)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return output.count("<heap nr=")


def test_threads_share_arenas() -> None:
    assert arenas(shared=False) > 2
    assert arenas(shared=True) == 2


HOLES = """
import ctypes, pathlib
from bitrun.server import process_memory as memory
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

blocks = [libc.malloc(ctypes.c_size_t(10_000)) for _ in range(5_000)]
for block in blocks:
    ctypes.memset(block, 1, 10_000)
for block in blocks[:-1]:
    libc.free(block)
before = resident()
memory.give_back()
print(before - resident())
"""


def test_free_memory_below_an_allocation_is_returned() -> None:
    output = subprocess.run(
        [sys.executable, "-c", HOLES], check=True, capture_output=True, text=True
    ).stdout
    assert int(output) > 40_000_000


LARGE = """
import ctypes, pathlib
from bitrun.server import process_memory as memory
if {mapped}:
    memory.map_large_blocks()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096

libc.free(libc.malloc(ctypes.c_size_t(20_000_000)))  # raises the threshold
before = resident()
block = libc.malloc(ctypes.c_size_t(15_000_000))
ctypes.memset(block, 1, 15_000_000)
above = [libc.malloc(ctypes.c_size_t(100_000)) for _ in range(10)]
libc.free(block)
print(resident() - before)
"""


def kept_of_a_large_block(*, mapped: bool) -> int:
    command = [sys.executable, "-c", LARGE.format(mapped=mapped)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_large_block_is_returned_at_once() -> None:
    assert kept_of_a_large_block(mapped=False) > 14_000_000
    assert kept_of_a_large_block(mapped=True) < 2_000_000
