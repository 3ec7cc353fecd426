"""Options of several commands."""

from typing import Annotated

import typer

from bitrun.client import DEFAULT_URL

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

__all__ = ["DEFAULT_URL", "Json", "Token", "Url"]
