"""`bitrun upload`: stores files on a service, for many runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bitrun.cli.options import DEFAULT_URL, Json, Token, Url
from bitrun.cli.output import print_json, print_table
from bitrun.cli.program_files import read
from bitrun.client import Client


def register(app: typer.Typer) -> None:
    @app.command()
    def upload(
        files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to store.")],
        url: Url = DEFAULT_URL,
        token: Token = None,
        json: Json = False,
    ) -> None:
        """Store files on the service for a while, for many runs: see bitrun run --upload."""
        with Client(url, token) as client:
            uploads = [client.upload(file, read(file)) for file in files]
        if json:
            print_json(
                [asdict(each) | {"expires_at": each.expires_at.isoformat()} for each in uploads]
            )
            return
        print_table(
            ("ID", "NAME", "BYTES", "EXPIRES"),
            ((each.id, each.name, str(each.size), each.expires_at.isoformat()) for each in uploads),
        )
