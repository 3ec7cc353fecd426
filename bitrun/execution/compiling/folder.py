"""A folder of this process, for files that need not outlive it."""

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "bitrun-compiled-"
_OPEN_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class ProcessFolder:
    """A temporary folder that only its user can read. `close` removes it.

    The process holds a lock of it (flock) until then, which ends with the process in any case. So a
    folder without a lock was left by a process that was killed, and the next one removes it. What
    cleans `/tmp` by age, systemd-tmpfiles, leaves locked folders alone, too.
    """

    def __init__(self) -> None:
        """Create it.

        Raises:
            OSError: there is no room or no permission.
        """
        _remove_orphans(Path(tempfile.gettempdir()))
        for _ in range(_MAX_ATTEMPTS):
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = os.open(self.path, _OPEN_FLAGS)
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            if self.path.exists():
                return
            # Another process has taken it for an orphan, between its creation and its lock.
            os.close(self._lock)
        raise FileNotFoundError(self.path)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_orphans(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            folder = os.open(path, _OPEN_FLAGS)
        except OSError:
            continue  # another user's, or gone
        try:
            if os.fstat(folder).st_uid == os.geteuid():
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
                _log.info("Removed %s, which a killed process has left", path)
        except BlockingIOError:
            pass  # its process is alive
        finally:
            os.close(folder)
