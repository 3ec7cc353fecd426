"""As many threads as there can be, each making more.

By pthread_create itself: Python's own threads leave memory behind where one can't be made, and the
limit for memory would end this first.
"""

import ctypes

libc = ctypes.CDLL(None)


def bomb(_):
    thread = ctypes.c_ulong()
    while True:
        libc.pthread_create(ctypes.byref(thread), None, start, None)


start = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(bomb)
bomb(None)
