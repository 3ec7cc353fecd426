"""The budget of bytes: waits, refuses, and gets everything back."""

import threading
import time

import pytest

from bitrun.api.http.memory_budget import MemoryBudget
from bitrun.model.errors import Busy


def test_what_fits_is_held_and_given_back() -> None:
    budget = MemoryBudget(100, 1)
    with budget.reserve(60) as reservation:
        assert budget.used == 60
        reservation.resize(10)
        assert budget.used == 10
        with budget.reserve(90):
            assert budget.used == 100
    assert budget.used == 0


def test_a_request_waits_for_room() -> None:
    budget = MemoryBudget(100, 5)
    entered = threading.Event()

    def wait() -> None:
        with budget.reserve(60):
            entered.set()

    with budget.reserve(60):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(2)
    thread.join()
    assert budget.used == 0


def test_a_request_waits_only_so_long() -> None:
    budget = MemoryBudget(100, 0.1)
    with budget.reserve(60):
        started = time.monotonic()
        with pytest.raises(Busy), budget.reserve(60):
            pass
        assert 0.1 <= time.monotonic() - started < 1
    assert budget.used == 0


def test_more_than_the_whole_takes_the_whole() -> None:
    budget = MemoryBudget(100, 0.1)
    with budget.reserve(1000):
        assert budget.used == 100


def test_growth_is_refused_instead_of_waited_for() -> None:
    budget = MemoryBudget(100, 5)
    with budget.reserve(60) as first, budget.reserve(30):
        started = time.monotonic()
        with pytest.raises(Busy):
            first.resize(80)
        assert time.monotonic() - started < 0.1
        assert budget.used == 90
    assert budget.used == 0


def test_one_client_leaves_half_to_others() -> None:
    budget = MemoryBudget(100, 0.1)
    with budget.reserve(40, client="a") as first, budget.reserve(10, client="a"):
        with pytest.raises(Busy), budget.reserve(1, client="a"):
            pass
        with pytest.raises(Busy):
            first.resize(41)
        with budget.reserve(50, client="b"):
            assert budget.used == 100
    with budget.reserve(10, client="a"):
        assert budget.used == 10
    assert budget.used == 0


def test_a_single_request_may_take_more_than_half() -> None:
    budget = MemoryBudget(100, 0.1)
    with budget.reserve(70, client="a") as single:
        single.resize(90)
        with pytest.raises(Busy), budget.reserve(1, client="a"):
            pass
        with budget.reserve(10, client="b"):
            assert budget.used == 100
