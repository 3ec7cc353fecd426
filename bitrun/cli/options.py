"""Options of several commands."""

import re
from collections.abc import Iterable
from pathlib import Path
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


def size(text: str) -> int:
    """Parse a number of bytes, with K, M or G perhaps."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text} is not a size: bytes, or a number with K, M or G")
    return int(found[1]) * _UNITS[found[2].upper()]


def variables(texts: Iterable[str]) -> dict[str, str]:
    """Parse NAME=VALUE, each of which may have more of `=`."""
    found = {}
    for text in texts:
        name, equals, found[name] = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text} is not NAME=VALUE", param_hint="--env")
    return found


def command_line(words: list[str]) -> str | list[str]:
    """Return a command of the shell, if it is one word, or a program and its arguments.

    `--` may stand before it, as many know it from commands that run others.
    """
    words = words[1:] if words[:1] == ["--"] else words
    return words[0] if len(words) == 1 else words


Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language. Default: by the file extension.")
]
Version = Annotated[
    str, typer.Option("--version", "-v", metavar="RANGE", help="SemVer range of the language.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", "-t", min=0.001, metavar="SECONDS",
        help="End the program after this wall time. Default: the service's limit.",
    ),
]  # fmt: skip
Memory = Annotated[
    int | None,
    typer.Option("--memory", "-m", parser=size, metavar="SIZE", help="Memory limit, such as 64M."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME=VALUE",
        help="Environment variable of the program. Can be repeated.",
    ),
]
AddedFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--add",
        "-a",
        metavar="FILE",
        help="Another file of the program, under the name as given. Can be repeated.",
    ),
]

Uploads = Annotated[
    list[str] | None,
    typer.Option(
        "--upload",
        metavar="ID",
        help="An upload of bitrun upload, as another file of the program. Can be repeated.",
    ),
]

__all__ = [
    "DEFAULT_URL",
    "AddedFiles",
    "Json",
    "Language",
    "Memory",
    "Timeout",
    "Token",
    "Uploads",
    "Url",
    "Variables",
    "Version",
    "size",
    "variables",
]
