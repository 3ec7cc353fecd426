"""Bytes by key on disk, bounded: the least recently used go first."""

import errno
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bitrun.execution.compiling.folder import ProcessFolder

_BLOCK = 4096  # bytes: what a small file takes on most file systems

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Bytes and entries now, and the entries that were evicted so far."""

    bytes: int
    entries: int
    evictions: int


class Store:
    """Up to `capacity` bytes, in files of a folder of their own. Threads may share it.

    The index is in memory, so what is not of this process is never read. The folder is made at the
    first entry. A disk that is full, or fails, makes it keep less.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._sizes: OrderedDict[str, int] = OrderedDict()  # the least recently used first
        self._used = 0
        self._evictions = 0
        self._folder: ProcessFolder | None = None
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._sizes

    def open(self, key: str) -> BinaryIO | None:
        """Open an entry to read; an eviction does not take it from the reader. None: no entry."""
        with self._lock:
            if key not in self._sizes or self._folder is None:
                return None
            self._sizes.move_to_end(key)
            try:
                return (self._folder.path / key).open("rb")
            except OSError as error:
                _log.warning("An artifact can't be read: %s", error)
                self._forget(key)
                return None

    def put(self, key: str, parts: Sequence[bytes]) -> bool:
        """Keep an entry, unless there is one; False if it can't be kept."""
        size = -(-sum(map(len, parts)) // _BLOCK) * _BLOCK
        with self._lock:
            if key in self._sizes:
                return True
            if size > self.capacity:
                return False
            while self._used + size > self.capacity:
                self._evict()
            try:
                while not self._write(key, parts):
                    self._evict()
            except OSError as error:
                _log.warning("An artifact can't be kept: %s", error)
                return False
            self._sizes[key] = size
            self._used += size
            return True

    def discard(self, key: str) -> None:
        """Remove an entry, if there is one."""
        with self._lock:
            if key in self._sizes:
                self._forget(key)

    def stats(self) -> StoreStats:
        with self._lock:
            return StoreStats(self._used, len(self._sizes), self._evictions)

    def close(self) -> None:
        """Remove all entries and the folder."""
        with self._lock:
            self._sizes.clear()
            self._used = 0
            if self._folder is not None:
                self._folder.close()
                self._folder = None

    def _write(self, key: str, parts: Sequence[bytes]) -> bool:
        """Write a file; False if the disk is full, but has entries that can be evicted."""
        if self._folder is None:
            self._folder = ProcessFolder()
        path = self._folder.path / key
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(parts)
        except OSError as error:
            path.unlink(missing_ok=True)
            if error.errno == errno.ENOSPC and self._sizes:
                return False
            raise
        return True

    def _evict(self) -> None:
        self._forget(next(iter(self._sizes)))
        self._evictions += 1

    def _forget(self, key: str) -> None:
        self._used -= self._sizes.pop(key)
        if self._folder is not None:
            _unlink(self._folder.path / key)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("An artifact can't be removed: %s", error)
