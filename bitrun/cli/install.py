"""`bitrun install`: builds images on the Docker engine, without a running service."""

from typing import Annotated

import typer
from rich.console import Console

from bitrun.cli import exits
from bitrun.cli.extras import needs


def register(app: typer.Typer) -> None:
    @app.command()
    def install(
        packages: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="PACKAGE",
                help="Packages of the catalogue. Default: those of BITRUN_PACKAGES, "
                "and the images of BITRUN_ALLOWED_IMAGES.",
            ),
        ] = None,
    ) -> None:
        """Build or update images on the Docker engine.

        Needs no running service, and takes its settings from the same BITRUN_* environment
        variables. `bitrun packages install` asks a running service instead.
        """
        with needs("server"):
            from bitrun.cli import local_install  # noqa: PLC0415  of the extra
        try:
            local_install.install(packages or (), Console(highlight=False, soft_wrap=True))
        except local_install.ERRORS as error:
            exits.print_error(str(error))
            raise typer.Exit(1) from error
