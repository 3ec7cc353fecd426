"""How a service's memory is handed out and taken back, which by default suits other programs."""

import ctypes
import gc

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2
_NEW_OBJECTS = 10_000  # between two looks at the new ones; by default 700


def share_arenas() -> None:
    """Have all threads of this process share two arenas of the allocator; to be called before them.

    glibc gives each thread one of its own, up to eight for each processor, so that they need not
    wait for each other. Python's threads take turns anyway, and what is free in one arena serves no
    other: after twelve minutes of a mix of all kinds of requests two thirds of what 28 threads held
    was free, and more every minute.
    """
    _tell_allocator("mallopt", _M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Have the allocator return what is free, in about 2 ms; to be called now and then.

    By itself glibc returns only what lies at an arena's end. What a flood of output took stays
    below what came after it: an hour of honest and hostile programs made the service 30 MB larger.
    """
    _tell_allocator("malloc_trim", 0)


def collect_seldom() -> None:
    """Have the collector leave alone what is there now, and look at the rest less often.

    To be called once all is loaded, which stays for good: a look at all of that holds every thread
    up for 40 ms. And a program's output may come in a hundred thousand pieces, which the
    collector would look through over and over, for half of the time that they take.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def _tell_allocator(function: str, *arguments: int) -> None:
    """Call one of glibc's own functions; musl has none of them, and no arenas."""
    call = getattr(ctypes.CDLL(None), function, None)
    if call is not None:
        call(*arguments)
