"""Chores go on, whatever one of them does."""

import threading

import pytest

from bitrun.model.errors import StorageError
from bitrun.service import housekeeping


@pytest.mark.parametrize("error", [StorageError("the disk is full"), RuntimeError("a mistake")])
def test_a_chore_that_fails_ends_no_other(error: Exception) -> None:
    rounds = threading.Semaphore(0)
    errors = iter((error, error))

    def fail_twice() -> None:
        if (found := next(errors, None)) is not None:
            raise found

    housekeeping.start(fail_twice, rounds.release, interval=0.1)
    for _ in range(3):
        assert rounds.acquire(timeout=10)
