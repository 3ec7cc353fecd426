"""The list of dialects; a new one adds a line here, and its name to those of the settings."""

from collections.abc import Collection

from bitrun.api import (
    codapi,
    dify,
    judge0,
    jupyter,
    librechat,
    mcp,
    piston,
    sandboxes,
    sandboxfusion,
    v1,
)
from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape

DIALECTS: tuple[Dialect, ...] = (
    v1.DIALECT,
    piston.DIALECT,
    sandboxes.DIALECT,
    mcp.DIALECT,
    codapi.DIALECT,
    sandboxfusion.DIALECT,
    dify.DIALECT,
    librechat.DIALECT,
    judge0.DIALECT,
    jupyter.DIALECT,
)

_COMMON_ERRORS = ErrorShape()


def named(names: Collection[str]) -> tuple[Dialect, ...]:
    """Return the dialects of these names, in the order of the list."""
    return tuple(each for each in DIALECTS if each.name in names)


def errors_for(path: str) -> ErrorShape:
    """Return the shape of errors on a path: that of its dialect, or the common one."""
    return next((each.errors for each in DIALECTS if each.owns(path)), _COMMON_ERRORS)
