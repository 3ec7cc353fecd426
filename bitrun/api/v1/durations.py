"""Durations in the format of Go, which clients of v1 parse."""

from fractions import Fraction

_NANOSECONDS = {"ms": 1_000_000, "µs": 1_000, "ns": 1}
_SECOND, _MINUTE, _HOUR = 10**9, 60 * 10**9, 3600 * 10**9


def go_duration(nanoseconds: int) -> str:
    """Write a duration: `845.2µs`, `261.752379ms`, `1.204s`, `2m0.5s`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < _SECOND:
        unit, size = next((u, s) for u, s in _NANOSECONDS.items() if nanoseconds >= s)
        return _decimal(Fraction(nanoseconds, size)) + unit
    hours, rest = divmod(nanoseconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return text + _decimal(Fraction(rest, _SECOND)) + "s"


def _decimal(value: Fraction) -> str:
    return f"{float(value):.9f}".rstrip("0").rstrip(".")
