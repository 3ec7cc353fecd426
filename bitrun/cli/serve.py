"""`bitrun serve`: the service itself."""

import os
from typing import Annotated

import typer

from bitrun.cli.extras import needs


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(
        host: Annotated[
            str | None,
            typer.Option(metavar="ADDRESS", help="Address to listen on, instead of BITRUN_HOST."),
        ] = None,
        port: Annotated[
            int | None, typer.Option(min=1, max=65535, help="Port, instead of BITRUN_PORT.")
        ] = None,
    ) -> None:
        """Run the service on this machine.

        BITRUN_* environment variables configure it.
        """
        with needs("server"):
            from bitrun.server.launch import exec_gunicorn  # noqa: PLC0415  of the extra
        for name, value in (("BITRUN_HOST", host), ("BITRUN_PORT", port)):
            if value is not None:
                os.environ[name] = str(value)
        exec_gunicorn()
