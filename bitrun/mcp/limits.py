"""The limit of wall time, which languages have different maxima of."""

from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from bitrun.client import Runtime
from bitrun.mcp.output import max_seconds

# What the schemas allow: a service's own limits are lower, and differ between languages.
MAX_SECONDS = 1_000_000
MAX_MEGABYTES = 1_000_000

DEFAULT_SECONDS = 30.0  # what an agent waits for; a service may allow less, or much more


def put_limits(schema: dict[str, Any], maxima: set[float]) -> None:
    """Put the most of any language into a schema, and the default if all have the same."""
    schema["anyOf"][0]["maximum"] = max(maxima)
    defaults = {min(DEFAULT_SECONDS, each) for each in maxima}
    if len(defaults) == 1:
        schema["default"] = defaults.pop()


def choose_seconds(
    wanted: float | None, language: str, runtimes: Sequence[Runtime]
) -> float | None:
    """Return the limit of wall time for a run; None for that of the service.

    Raises:
        ToolError: no version of the language may take that long.
    """
    maxima = [
        seconds
        for each in runtimes
        if language in (each.language, *each.aliases) and (seconds := max_seconds(each)) is not None
    ]
    if wanted is None:
        return DEFAULT_SECONDS if maxima and min(maxima) > DEFAULT_SECONDS else None
    if maxima and wanted > max(maxima):
        raise ToolError(
            f"timeout_seconds can't be {wanted:g}: {language} may take {max(maxima):g} at most."
        )
    return wanted
