"""Options that several commands share."""

from typing import Annotated

import typer

from bitrun.client import DEFAULT_URL

Url = Annotated[
    str, typer.Option("--url", envvar="BITRUN_URL", metavar="URL", help="The service's address.")
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="BITRUN_TOKEN", metavar="TOKEN", help="A token, where it needs one."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]

__all__ = ["DEFAULT_URL", "Json", "Token", "Url"]
