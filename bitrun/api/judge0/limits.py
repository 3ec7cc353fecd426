"""Limits of a submission in Judge0's units: seconds and kilobytes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitrun.config.catalogue import Language
from bitrun.config.settings import MIN_MEMORY, MIN_STACK, Settings
from bitrun.execution.limits import RequestedLimits, language_limits

KILOBYTE = 1024
MS_PER_SECOND = 1000

MAX_RUNS = 20
MAX_CPU_EXTRA_TIME = 5.0
MAX_OPTIONS = 512  # characters

_OUTPUT = 1024  # kilobytes, by Judge0's default


@dataclass(frozen=True, slots=True)
class _Limit:
    """A limit by its field: the name and the unit of what it is here, and its least value."""

    attribute: str
    unit: float
    minimum: int = 1


_LIMITS = {
    "cpu_time_limit": _Limit("cpu_ms", MS_PER_SECOND),
    "wall_time_limit": _Limit("wall_ms", MS_PER_SECOND),
    "memory_limit": _Limit("memory", KILOBYTE, MIN_MEMORY),
    "stack_limit": _Limit("stack", KILOBYTE, MIN_STACK),
    "max_processes_and_or_threads": _Limit("processes", 1),
}
FIELDS = (*_LIMITS, "max_file_size", "cpu_extra_time", "number_of_runs")


def maxima(language: Language | None, settings: Settings) -> dict[str, float]:
    """Return the largest value of each field: those of a language, or those of the settings."""
    if language is None:
        values = {
            "cpu_time_limit": settings.run_cpu_time,
            "wall_time_limit": settings.run_timeout,
            "memory_limit": settings.run_memory_limit,
            "stack_limit": settings.run_memory_limit,
            "max_processes_and_or_threads": max(settings.max_processes, settings.max_process_limit),
        }
        file_size = settings.max_file_size
    else:
        effective = language_limits(language, settings)
        run = effective.maxima["run"]
        values = {name: getattr(run, limit.attribute) for name, limit in _LIMITS.items()}
        file_size = effective.box.file_size
    found = {name: value / _LIMITS[name].unit for name, value in values.items()}
    return found | {
        "max_file_size": (settings.workdir_size if file_size is None else file_size) / KILOBYTE,
        "cpu_extra_time": MAX_CPU_EXTRA_TIME,
        "number_of_runs": MAX_RUNS,
    }


def defaults(language: Language | None, settings: Settings) -> dict[str, float]:
    """Return the value of each field that a submission leaves out."""
    found = maxima(language, settings)
    stack, processes = settings.stack_limit, settings.max_processes
    if language is not None:
        effective = language_limits(language, settings).stages["run"]
        stack, processes = effective.stack, effective.processes
    if stack is not None:
        found["stack_limit"] = stack / KILOBYTE
    return found | {
        "max_processes_and_or_threads": processes,
        "cpu_extra_time": 0.0,
        "number_of_runs": 1,
    }


def problem(name: str, value: Any, most: float) -> str | None:
    """Say what is wrong with the value of a field, in Judge0's words; None if nothing is."""
    number = read_number(value)
    if number is None:
        return "is not a number"
    if (number <= 0 and name != "cpu_extra_time") or number < 0:
        return "must be greater than 0"
    least = _LIMITS[name].minimum / _LIMITS[name].unit if name in _LIMITS else 0
    if number < least and _LIMITS[name].minimum > 1:
        return f"must be greater than or equal to {least:g}"
    if name == "number_of_runs" and number != int(number):
        return "must be an integer"
    if number > most:
        return f"must be less than or equal to {most:g}"
    return None


def read_number(value: Any) -> float | None:
    """Return a number, which may come as a text; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def requested(values: Mapping[str, float], settings: Settings) -> RequestedLimits:
    """Return the limits of the run stage that checked fields ask for.

    Judge0 writes output to a file, whose limit so is that of the output, too.
    """
    file_size = values.get("max_file_size", _OUTPUT)

    def of(name: str) -> int | None:
        limit = _LIMITS[name]
        return None if name not in values else max(limit.minimum, round(values[name] * limit.unit))

    return RequestedLimits(
        cpu_ms=of("cpu_time_limit"),
        wall_ms=of("wall_time_limit"),
        memory=of("memory_limit"),
        stack=of("stack_limit"),
        processes=of("max_processes_and_or_threads"),
        output=max(1, min(round(file_size * KILOBYTE), settings.max_output_limit)),
    )
