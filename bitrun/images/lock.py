"""A lock for changes of images, between the threads and processes of this service."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from bitrun.config.settings import ROOT


@contextmanager
def images_lock(*, wait: bool = True) -> Iterator[None]:
    """Hold the lock: flock(2) of the installation's folder.

    Raises:
        BlockingIOError: it is taken, and `wait` is False.
    """
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
