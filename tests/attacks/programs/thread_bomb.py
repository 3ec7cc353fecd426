"""As many threads as possible, each starting more.

Calls pthread_create directly: Python's threads leak memory when the creation fails, so that the
limit of memory would end the program first.
"""

import ctypes

libc = ctypes.CDLL(None)


def bomb(_):
    thread = ctypes.c_ulong()
    while True:
        libc.pthread_create(ctypes.byref(thread), None, start, None)


start = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(bomb)
bomb(None)
