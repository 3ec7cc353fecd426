"""The limits of a Piston request: they tighten what is configured, and never lift it."""

from collections.abc import Callable, Mapping
from typing import Any

from bitrun.config.settings import SMALLEST_MEMORY
from bitrun.model.errors import RequestError
from bitrun.model.job import STAGES, Limits, StageName


def read_limits(
    body: Mapping[str, Any], configured: Callable[[str], int], most: Mapping[str, int]
) -> dict[StageName, Limits]:
    """Read both stages' limits, `configured` giving each by its name.

    It is also the maximum, but for those in `most`, which may be asked for up to that.

    Raises:
        RequestError: one is no number, negative, above the maximum or too small to work.
    """
    values = {
        name: _read(name, body.get(name), configured(name), most.get(name))
        for kind in ("memory_limit", "timeout", "cpu_time")
        for name in (f"{stage}_{kind}" for stage in STAGES)
    }
    return {
        stage: Limits(
            wall_ms=values[f"{stage}_timeout"],
            cpu_ms=values[f"{stage}_cpu_time"],
            output=configured("output_limit"),
            memory=values[f"{stage}_memory_limit"],
        )
        for stage in STAGES
    }


def _read(name: str, value: Any, configured: int, most: int | None) -> int:
    # 0, "" and false mean what is configured. In Piston they lift the limit.
    if not value and not isinstance(value, (list, dict)):
        return configured
    most = configured if most is None else most
    is_memory = name.endswith("memory_limit")
    if is_memory and value == -1:
        return most
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"If specified, {name} must be a number")
    if value > most:
        raise RequestError(f"{name} cannot exceed the configured limit of {most}")
    if value < 0:
        raise RequestError(f"{name} must be non-negative")
    if is_memory and value < SMALLEST_MEMORY:
        raise RequestError(f"{name} must be at least {SMALLEST_MEMORY}")
    return max(1, round(value))
