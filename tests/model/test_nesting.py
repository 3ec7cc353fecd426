"""How deeply JSON is nested."""

import json

import pytest

from bitrun.model.nesting import MAX_DEPTH, is_too_deep


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth(opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")
    most = MAX_DEPTH // levels
    for depth in (1, 9, most):
        assert not is_too_deep((opening * depth + "1" + closing * depth).encode())
    for depth in (most + 1, 100_000):
        assert is_too_deep((opening * depth + "1" + closing * depth).encode())
        assert is_too_deep((opening * depth).encode())


def test_many_values_are_not_deep() -> None:
    assert not is_too_deep(json.dumps([{"a": [[], {}]}] * 1000).encode())
    assert is_too_deep(b"[" + b"[]," * 1000 + b"[" * MAX_DEPTH)


def test_brackets_in_strings_do_not_count() -> None:
    assert not is_too_deep(json.dumps(["[{" * 1000, '"]\\' * 1000]).encode())
    assert not is_too_deep(b'"' + b"[" * 1000)


def test_what_is_read_can_be_written() -> None:
    deep = json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    json.dumps(deep, indent=1)
