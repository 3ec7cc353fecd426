"""Tunes malloc and the garbage collector for a threaded server."""

import ctypes
import gc

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # of glibc's malloc.h
_ARENAS = 2
_LARGE = 1 << 20  # bytes
_GENERATION_0 = 10_000  # new objects between two collections of them; by default 700


def share_arenas() -> None:
    """Limit the allocator to two arenas for all threads; call it before threads are started.

    By default glibc gives each thread an arena of its own, up to eight per processor, to avoid
    contention. Python's threads take turns anyway, and free memory of one arena is not available to
    another: after twelve minutes of mixed requests, two thirds of the memory of 28 threads was
    free, and the share grew every minute.
    """
    _call_glibc("mallopt", _M_ARENA_MAX, _ARENAS)


def map_large_blocks() -> None:
    """Have blocks of a megabyte and more returned to the kernel as soon as they are free.

    By itself glibc does so only until the first is freed: it raises its threshold to the size of
    that one, up to 32 MB, and the next are taken from arenas, where a small block above keeps them.
    So floods of bodies of 10 MB left 380 MB until the next `give_back`, and leave 200 MB now.
    """
    _call_glibc("mallopt", _M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return free memory to the kernel; takes about 2 ms, to be called periodically.

    By itself glibc returns only the free memory at the end of an arena. Memory that a flood of
    output took stays below later allocations: an hour of honest and hostile programs made the
    service 30 MB larger.
    """
    _call_glibc("malloc_trim", 0)


def reduce_collections() -> None:
    """Exclude all present objects from garbage collection, and collect new ones less often.

    Call it after everything is loaded. Those objects are permanent, and traversing them stops every
    thread for 40 ms. A program's output may arrive in a hundred thousand pieces, and repeated
    traversals of these took half of the time that handling them takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0)


def _call_glibc(name: str, *arguments: int) -> None:
    """Call a function that only glibc has; musl has neither it nor arenas."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)
