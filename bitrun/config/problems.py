"""The problems that pydantic finds, as sentences for operators."""

from collections.abc import Mapping
from typing import Any

_EXPECTED = {
    "int_parsing": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "float_parsing": "a number is expected",
    "bool_parsing": "true or false is expected",
    "ip_any_network": "an address or a network is expected, such as 10.0.0.0/8",
    "greater_than": "more than {gt:g} is expected",
    "greater_than_equal": "at least {ge} is expected",
    "less_than_equal": "at most {le} is expected",
    "literal_error": "{expected} is expected",
}
_OWN = "value_error"  # a validator of ours; its text is complete


def reason(error: Exception) -> str:
    """Return why a file can't be read, without its path and the number of the error."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def describe(problem: Mapping[str, Any], example: str | None = None) -> str:
    """Return the sentence of one problem; `example` is of a text that a pattern describes."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == _OWN:
        return str(context["error"])
    if kind == "string_pattern_mismatch" and example is not None:
        return f"{example} is expected"
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    return str(problem["msg"])
