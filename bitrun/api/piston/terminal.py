"""The terminal of an interactive run: `tty` of `init`, and `resize` messages."""

from collections.abc import Mapping
from typing import Any

from bitrun.model.errors import RequestError
from bitrun.model.job import TerminalSize

_MAX_SIZE = 0xFFFF  # Linux's winsize has 16 bits for each


def read_terminal(value: Any) -> TerminalSize:
    """Read an object with `rows` and `columns`.

    Raises:
        RequestError: it is none, or one of the two is no possible size.
    """
    if not isinstance(value, Mapping):
        raise RequestError("If specified, tty must be an object with rows and columns")
    return TerminalSize(_read(value, "rows"), _read(value, "columns"))


def _read(value: Mapping[str, Any], name: str) -> int:
    size = value.get(name)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MAX_SIZE:
        raise RequestError(f"{name} of a terminal must be a whole number from 1 to {_MAX_SIZE}")
    return size
