"""The list of dialects; a new one adds a line here."""

from bitrun.api import mcp, piston, v1
from bitrun.api.dialect import Dialect
from bitrun.api.http.errors import ErrorShape

DIALECTS: tuple[Dialect, ...] = (v1.DIALECT, piston.DIALECT, mcp.DIALECT)

_COMMON_ERRORS = ErrorShape()


def errors_for(path: str) -> ErrorShape:
    """Return the shape of errors on a path: that of its dialect, or the common one."""
    return next((each.errors for each in DIALECTS if each.owns(path)), _COMMON_ERRORS)
