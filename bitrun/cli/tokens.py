"""`bitrun tokens`: API tokens of the service on this machine."""

import sys
from typing import Annotated, Literal

import typer

from bitrun.cli.extras import needs

app = typer.Typer(name="tokens", help="Create API tokens.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    # With a single command and no callback, typer would make the group itself that command.
    pass


@app.command()
def create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the client, for logs and rate limits.")
    ],
    role: Annotated[
        Literal["run", "admin"],
        typer.Option(help="run: execute programs; admin: install packages, too."),
    ] = "run",
    egress: Annotated[
        bool,
        typer.Option("--egress", help="Let its sandboxes reach hosts of BITRUN_EGRESS."),
    ] = False,
) -> None:
    """Create a token.

    Standard output gets a line for the file that BITRUN_API_TOKENS_FILE names; it holds a hash and
    no secret. The token itself is shown once, on standard error.
    """
    with needs("server"):
        from bitrun.access import tokens  # noqa: PLC0415  of the extra
    try:
        secret, token = tokens.create(name, tokens.Role(role), egress=egress)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from error
    sys.stderr.write(f"The token, shown this once:\n{secret}\n")
    sys.stdout.write(f"{token.line}\n")
