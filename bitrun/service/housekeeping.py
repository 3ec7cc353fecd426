"""Repeats chores of a running service in the background."""

import logging
import threading
import time
from collections.abc import Callable

from bitrun.model.errors import ServiceError

INTERVAL_SECONDS = 30.0

_log = logging.getLogger(__name__)


def start(*chores: Callable[[], None], interval: float = INTERVAL_SECONDS) -> None:
    """Run every chore now and every `interval` seconds, as long as the process lives."""
    threading.Thread(
        target=_repeat, args=(chores, interval), name="housekeeping", daemon=True
    ).start()


def _repeat(chores: tuple[Callable[[], None], ...], interval: float) -> None:
    while True:
        for chore in chores:
            try:
                chore()
            except ServiceError as error:
                _log.debug("A chore of the housekeeping has failed: %s", error)
            except Exception:  # noqa: BLE001
                # Without this thread nothing would expire any more, and leases would end.
                _log.exception("A chore of the housekeeping has failed")
        time.sleep(interval)
