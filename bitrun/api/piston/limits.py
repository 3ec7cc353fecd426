"""The limits of a Piston request: they tighten what is configured, and never lift it.

Times and memory are Piston's fields. Output, stack and processes are BitRun's, and may be raised up
to maxima of their own.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitrun.config.settings import MIN_MEMORY, MIN_STACK
from bitrun.execution.limits import LanguageLimits, RequestedLimits, StageLimits
from bitrun.model.errors import RequestError
from bitrun.model.job import STAGES, StageName


@dataclass(frozen=True, slots=True)
class _Field:
    """A limit: the end of its name in a request, its name in `StageLimits`, and its range."""

    suffix: str
    attribute: str
    unit: str
    minimum: int = 0
    takes_maximum: bool = True  # -1 is the maximum


# In the order in which Piston checks them: by their kind first, then by their stage.
_FIELDS = (
    _Field("memory_limit", "memory", "bytes", MIN_MEMORY),
    _Field("timeout", "wall_ms", "milliseconds", takes_maximum=False),
    _Field("cpu_time", "cpu_ms", "milliseconds", takes_maximum=False),
    _Field("output_limit", "output", "bytes"),
    _Field("stack_limit", "stack", "bytes", MIN_STACK),
    _Field("process_limit", "processes", "processes and threads"),
)

_MAX_SHOWN = 40  # characters of a value in a refusal

FIELDS = frozenset(f"{stage}_{field.suffix}" for stage in STAGES for field in _FIELDS)


def read_limits(
    body: Mapping[str, Any], effective: LanguageLimits, *, interactive: bool = False
) -> dict[StageName, RequestedLimits]:
    """Read the limits of both stages.

    The wall time of an `interactive` run stage may be as long as a session, which -1 stands for.

    Raises:
        RequestError: one is no number, negative, above the maximum or too small to work.
    """
    found: dict[StageName, dict[str, Any]] = {stage: {} for stage in STAGES}
    for field in _FIELDS:
        for stage in STAGES:
            maximum = _of(effective.maxima[stage], field)
            default = _of(effective.stages[stage], field)
            allowed = field
            if interactive and (stage, field.attribute) == ("run", "wall_ms"):
                maximum = effective.session_wall_ms
                allowed = dataclasses.replace(field, takes_maximum=True)
            found[stage][field.attribute] = _read(body, stage, allowed, default, maximum)
    return {stage: RequestedLimits(**values) for stage, values in found.items()}


def limits_reply(effective: LanguageLimits, stages: tuple[StageName, ...]) -> dict[str, Any]:
    """Write the limits of these stages: for each field of a request, its default and maximum."""
    return {
        f"{stage}_{field.suffix}": {
            "default": _of(effective.stages[stage], field),
            "maximum": _of(effective.maxima[stage], field),
        }
        for stage in stages
        for field in _FIELDS
    }


def _of(limits: StageLimits, field: _Field) -> int:
    value: int = getattr(limits, field.attribute)
    return value


def _read(
    body: Mapping[str, Any], stage: StageName, field: _Field, default: int, maximum: int
) -> int | None:
    name = f"{stage}_{field.suffix}"
    value = body.get(name)
    # 0, "" and false mean what is configured. In Piston they lift the limit.
    if not value and not isinstance(value, (list, dict)):
        return None
    if value == -1 and field.takes_maximum:
        return maximum
    refusal = _refusal(name, value, field.minimum, maximum)
    if refusal is not None:
        shown = json.dumps(value)[:_MAX_SHOWN]
        possible = f"{max(1, field.minimum)} to {maximum} {field.unit}"
        detail = f"{name} is {shown}: send {possible}, or nothing for {default}"
        raise RequestError(refusal, detail)
    number: int = max(1, round(value))
    return number


def _refusal(name: str, value: Any, minimum: int, maximum: int) -> str | None:
    """Say in Piston's words what is wrong with a limit; None if nothing is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"If specified, {name} must be a number"
    if value > maximum:
        return f"{name} cannot exceed the configured limit of {maximum}"
    if value < 0:
        return f"{name} must be non-negative"
    if value < minimum:
        return f"{name} must be at least {minimum}"
    return None
