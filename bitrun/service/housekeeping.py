"""Repeats chores of a running service in the background."""

import logging
import threading
import time
from collections.abc import Callable

from bitrun.model.errors import ServiceError

INTERVAL_SECONDS = 30.0

_log = logging.getLogger(__name__)


def start(*chores: Callable[[], None]) -> None:
    """Run every chore now and every half minute, as long as the process lives."""
    threading.Thread(target=_repeat, args=(chores,), name="housekeeping", daemon=True).start()


def _repeat(chores: tuple[Callable[[], None], ...]) -> None:
    while True:
        for chore in chores:
            try:
                chore()
            except ServiceError as error:
                _log.debug("A chore of the housekeeping has failed: %s", error)
        time.sleep(INTERVAL_SECONDS)
