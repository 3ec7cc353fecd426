"""What a client says of a kernel that it wants."""

from collections.abc import Mapping
from typing import Any

from bitrun.api.piston.request import read_environment
from bitrun.model.errors import RequestError


def read_kernel(model: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return the name of its spec, None for the default, and its environment variables.

    Raises:
        RequestError: a field can't be used.
    """
    return read_name(model, "name"), dict(read_environment(model.get("env")))


def read_name(model: Mapping[str, Any], name: str) -> str | None:
    """Return a field that is a string, if there is one; an empty one is none."""
    value = model.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{name} of a kernel must be a string")
    return value or None
