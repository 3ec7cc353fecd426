"""A lock for changes of images, shared by all services and commands of this machine."""

import errno
import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bitrun.engine.build_output import Report, ignore
from bitrun.images.build_context import digest

# Shared by all users where it exists; `/tmp` may be private to a service of systemd.
_SHARED_FOLDER = Path("/run/lock")

# Without O_CREAT: in a folder that all may write, `fs.protected_regular` forbids even root to open
# the files of others with it. O_NONBLOCK: another user may have made a FIFO of this name.
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_log = logging.getLogger(__name__)


@contextmanager
def images_lock(engine_id: str, report: Report = ignore) -> Iterator[None]:
    """Wait for the lock of an engine and hold it: flock(2) of a file that is named for its id.

    A wait may last as long as the build of another, so it is reported first.

    It prevents double work and nothing else: services in containers or on other machines have
    another lock, and where no file can be opened there is none.
    """
    descriptor = _open(f"bitrun-images-{digest(engine_id)[:16]}.lock")
    if descriptor is None:
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Waiting for another installation on this machine to end")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(name: str) -> int | None:
    paths = [folder / name for folder in (_SHARED_FOLDER, Path(tempfile.gettempdir()))]
    for attempt in (_open_existing, _create):
        for path in paths:
            try:
                return attempt(path)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    _log.debug("No lock at %s: %s", path, error)
    return None


def _open_existing(path: Path) -> int:
    return os.open(path, _OPEN_FLAGS)


def _create(path: Path) -> int:
    try:
        descriptor = os.open(path, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return _open_existing(path)  # another process was faster
    os.fchmod(descriptor, 0o644)  # whatever the umask: a lock needs no more than to be read
    return descriptor
