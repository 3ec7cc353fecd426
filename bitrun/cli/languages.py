"""`bitrun languages`: the installed languages."""

import typer

from bitrun.cli.options import DEFAULT_URL, Json, Token, Url
from bitrun.cli.output import print_json, print_table
from bitrun.client import Client


def register(app: typer.Typer) -> None:
    @app.command()
    def languages(url: Url = DEFAULT_URL, token: Token = None, json: Json = False) -> None:
        """List the installed languages.

        With their versions, packages and aliases.
        """
        with Client(url, token) as client:
            runtimes = client.runtimes()
        if json:
            print_json(runtimes)
            return
        print_table(
            ("LANGUAGE", "VERSION", "PACKAGE", "ALIASES"),
            (
                (each.language, each.version, each.package or each.language, " ".join(each.aliases))
                for each in runtimes
            ),
        )
