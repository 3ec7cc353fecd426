"""Demand: counted, forgotten with time and with its spec."""

import time

import pytest

from bitrun.sandbox.pool.demand import Demand


def test_all_specs_are_equal_before_any_request() -> None:
    assert Demand[str]().weights(["a", "b", "c", "d"]) == dict.fromkeys("abcd", 0.25)
    assert Demand[str]().weights([]) == {}


def test_requests_are_counted() -> None:
    demand = Demand[str]()
    for spec in "aab":
        demand.count(spec)
    assert demand.weights(["a", "b"]) == {"a": 2.5, "b": 1.5}


def test_it_halves_in_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    demand = Demand[str]()
    for _ in range(8):
        demand.count("a")
    later = time.monotonic() + 600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert demand.weights(["a"]) == {"a": pytest.approx(5, abs=0.01)}


def test_other_specs_are_forgotten() -> None:
    demand = Demand[str]()
    demand.count("a")
    demand.count("b")
    demand.retain({"b"})
    assert demand.weights(["a", "b"]) == {"a": 0.5, "b": 1.5}
