"""The limits of a Piston request: they tighten what is configured, and never lift it."""

from collections.abc import Mapping
from typing import Any

from bitrun.config.settings import MIN_MEMORY
from bitrun.execution.limits import LanguageLimits, RequestedLimits
from bitrun.model.errors import RequestError
from bitrun.model.job import STAGES, StageName


def read_limits(
    body: Mapping[str, Any], effective: LanguageLimits, *, interactive: bool = False
) -> dict[StageName, RequestedLimits]:
    """Read the limits of both stages.

    What is effective without a request is also the maximum, but for the wall time of an
    `interactive` run stage, which may be as long as a session.

    Raises:
        RequestError: one is no number, negative, above the maximum or too small to work. The
            fields are checked in Piston's order: by their kind first, then by their stage.
    """
    max_run_ms = effective.session_wall_ms if interactive else effective.stages["run"].wall_ms
    max_wall_ms = {"compile": effective.stages["compile"].wall_ms, "run": max_run_ms}
    memory = {
        stage: _read_memory(body, f"{stage}_memory_limit", effective.stages[stage].memory)
        for stage in STAGES
    }
    wall_ms = {stage: _read(body, f"{stage}_timeout", max_wall_ms[stage]) for stage in STAGES}
    cpu_ms = {
        stage: _read(body, f"{stage}_cpu_time", effective.stages[stage].cpu_ms) for stage in STAGES
    }
    return {
        stage: RequestedLimits(wall_ms=wall_ms[stage], cpu_ms=cpu_ms[stage], memory=memory[stage])
        for stage in STAGES
    }


def _read_memory(body: Mapping[str, Any], name: str, maximum: int) -> int | None:
    return maximum if body.get(name) == -1 else _read(body, name, maximum, MIN_MEMORY)


def _read(body: Mapping[str, Any], name: str, maximum: int, minimum: int = 0) -> int | None:
    value = body.get(name)
    # 0, "" and false mean what is configured. In Piston they lift the limit.
    if not value and not isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"If specified, {name} must be a number")
    if value > maximum:
        raise RequestError(f"{name} cannot exceed the configured limit of {maximum}")
    if value < 0:
        raise RequestError(f"{name} must be non-negative")
    if value < minimum:
        raise RequestError(f"{name} must be at least {minimum}")
    return max(1, round(value))
