"""Allocation of the places to specs."""

from collections.abc import Mapping

import pytest

from bitrun.sandbox.pool.allocation import allocate


@pytest.mark.parametrize(
    ("places", "demand", "pinned", "allocation"),
    [
        (0, {"a": 1.0}, {}, {"a": 0}),
        (4, {"a": 1.0}, {}, {"a": 4}),
        (4, {"a": 1.0, "b": 1.0}, {}, {"a": 2, "b": 2}),
        (10, {"a": 7.0, "b": 1.0}, {}, {"a": 8, "b": 2}),
        (10, {"a": 99.0, "b": 1.0}, {}, {"a": 9, "b": 1}),
        (10, {"a": 99.0, "b": 0.1}, {}, {"a": 10, "b": 0}),
        (3, dict.fromkeys("abcdef", 0.1), {}, dict(zip("abcdef", [1, 1, 1, 0, 0, 0], strict=True))),
        (2, {"a": 3.0, "b": 2.0, "c": 1.0}, {}, {"a": 1, "b": 1, "c": 0}),
        (5, {"a": 1.0}, {"b": 2}, {"b": 2, "a": 3}),
        (5, {}, {"b": 2}, {"b": 2}),
        (1, {"a": 9.0}, {"b": 2}, {"b": 1, "a": 0}),
        (3, {"a": 0.0, "b": 1.0}, {}, {"a": 0, "b": 3}),
    ],
)
def test_places_are_allocated(
    places: int,
    demand: Mapping[str, float],
    pinned: Mapping[str, int],
    allocation: Mapping[str, int],
) -> None:
    assert allocate(places, demand, pinned) == allocation
