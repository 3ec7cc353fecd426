"""The limit of wall time that a run gets."""

from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from bitrun.client import Limit, Runtime
from bitrun.mcp.limits import choose_seconds, put_limits


def runtime(language: str, seconds: int) -> Runtime:
    limit = Limit(seconds * 1000, seconds * 1000)
    return Runtime(language, "1.0.0", (language[:2],), None, {"run_timeout": limit})


RUNTIMES = [runtime("python", 60), runtime("python", 120), runtime("bash", 30), runtime("lua", 3)]


@pytest.mark.parametrize(
    ("wanted", "language", "chosen"),
    [
        (None, "python", 30), (None, "py", 30), (None, "bash", None), (None, "lua", None),
        (None, "go", None), (2.5, "lua", 2.5), (100, "python", 100), (9999, "go", 9999),
    ],
)  # fmt: skip
def test_chosen(wanted: float | None, language: str, chosen: float | None) -> None:
    assert choose_seconds(wanted, language, RUNTIMES) == chosen


def test_more_than_a_language_may_take() -> None:
    with pytest.raises(ToolError, match=r"^timeout_seconds can't be 121: py may take 120 at most"):
        choose_seconds(121, "py", RUNTIMES)


@pytest.mark.parametrize(
    ("maxima", "expected"),
    [({3.0}, (3, 3)), ({60.0, 90.0}, (90, 30)), ({3.0, 10.0}, (10, None))],
)
def test_the_schema(maxima: set[float], expected: tuple[float, float | None]) -> None:
    schema: dict[str, Any] = {"anyOf": [{}, {}], "default": None}
    put_limits(schema, maxima)
    assert (schema["anyOf"][0]["maximum"], schema["default"]) == expected
