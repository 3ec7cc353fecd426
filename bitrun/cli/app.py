"""The `bitrun` command: its subcommands, and their common error handling."""

import sys
from http import HTTPStatus

import typer

from bitrun import __version__
from bitrun.cli import (
    doctor,
    exits,
    install,
    judge,
    languages,
    mcp,
    packages,
    run,
    sandbox,
    serve,
    tokens,
    upload,
)
from bitrun.client import BitRunError, TokenRefused

_TAKEN_FROM = ". This command takes it from --token or BITRUN_TOKEN"

app = typer.Typer(
    name="bitrun",
    help="Run untrusted code on a BitRun service, and operate one.",
    no_args_is_help=True,
    rich_markup_mode=None,  # the same help in a pipe as on a terminal
    pretty_exceptions_enable=False,
)
run.register(app)
judge.register(app)
upload.register(app)
app.add_typer(sandbox.app)
languages.register(app)
app.add_typer(packages.app)
mcp.register(app)
serve.register(app)
install.register(app)
app.add_typer(tokens.app)
doctor.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bitrun {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    try:
        app(prog_name="bitrun")
    except BitRunError as error:
        is_wanted = isinstance(error, TokenRefused) and error.status != HTTPStatus.FORBIDDEN
        hint = _TAKEN_FROM if is_wanted else ""
        exits.print_error(f"{error}{hint}")
        sys.exit(exits.NOT_RUN)
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
