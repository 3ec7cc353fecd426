"""Options of several commands."""

import re
from typing import Annotated

import typer

from bitrun.client import DEFAULT_URL

_SIZE = re.compile(r"(\d+)([KMG]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}

Url = Annotated[
    str, typer.Option("--url", envvar="BITRUN_URL", metavar="URL", help="Address of the service.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="BITRUN_TOKEN",
        metavar="TOKEN",
        help="API token, if the service requires one.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

__all__ = ["DEFAULT_URL", "Json", "Token", "Url", "size"]


def size(text: str) -> int:
    """Parse a number of bytes, with K, M or G perhaps."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text} is not a size: bytes, or a number with K, M or G")
    return int(found[1]) * _UNITS[found[2].upper()]
