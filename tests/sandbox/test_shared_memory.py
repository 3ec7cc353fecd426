"""`/dev/shm`: bounded like the other folders of a box, and what needs it works."""

from collections.abc import Callable

import pytest

from bitrun.config.settings import Settings
from bitrun.model.result import Result

pytestmark = pytest.mark.engine

_FILL = """
import errno, os
file_system = os.statvfs("/dev/shm")
print(file_system.f_blocks * file_system.f_frsize, file_system.f_files)
print(oct(os.stat("/dev/shm").st_mode), *sorted(
    {"nosuid", "nodev", "noexec"} & set(next(
        line for line in open("/proc/mounts") if " /dev/shm " in line
    ).split()[3].split(","))
))
try:
    for number in range(10_000):
        open(f"/dev/shm/{number}", "x").close()
except OSError as error:
    print(errno.errorcode[error.errno])
"""

_USE = """
import ctypes, multiprocessing, os
from multiprocessing.shared_memory import SharedMemory
multiprocessing.set_start_method("fork")
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
with multiprocessing.Lock():
    shared = SharedMemory(create=True, size=1_000_000)
    print(len(os.listdir("/dev/shm")))
    shared.close()
    shared.unlink()
libc = ctypes.CDLL(None)
libc.sem_open.restype = ctypes.c_void_p
print(libc.sem_open(b"/a", os.O_CREAT, 0o600, 1) is not None)
print(libc.shm_open(b"/b", os.O_CREAT | os.O_RDWR, 0o600) >= 0)
print(sorted(os.listdir("/dev/shm")))
"""


def python(run: Callable[..., Result], script: str) -> list[str]:
    return run("python", "python3", "-c", script, wall_ms=20_000).last.output.decode().splitlines()


@pytest.mark.attack("program", "all inodes of /dev/shm", "bounded, as those of /box and /tmp")
def test_it_has_bounds(run: Callable[..., Result]) -> None:
    bounds = f"{Settings().workdir_size} {Settings().workdir_inodes}"
    assert python(run, _FILL) == [bounds, "0o41777 nodev noexec nosuid", "ENOSPC"]


def test_semaphores_and_shared_memory_work(run: Callable[..., Result]) -> None:
    assert python(run, _USE) == ["[1, 2]", "1", "True", "True", "['b', 'sem.a']"]
