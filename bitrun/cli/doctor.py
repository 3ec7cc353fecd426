"""`bitrun doctor`: whether this machine and its engine are fit for the service."""

from typing import Any

import typer
from rich.console import Console

from bitrun.cli.extras import needs
from bitrun.cli.options import Json
from bitrun.cli.output import print_json

_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(json: Json = False) -> None:
        """Look for what is wrong here, and say what to do about it.

        It asks the Docker engine itself, not the service, with the service's settings. The exit
        code is 1 if anything is wrong.
        """
        with needs("server"):
            # They also take a while to import.
            from bitrun.doctor.examination import examine  # noqa: PLC0415
            from bitrun.doctor.findings import Level  # noqa: PLC0415

        console = Console(highlight=False, soft_wrap=True)
        levels = []
        for finding in examine():
            levels.append(finding.level)
            if json:
                print_json(finding)
            else:
                _print(console, finding)
        ill = Level.WRONG in levels
        if not json:
            console.print(f"{levels.count(Level.WRONG)} wrong, {levels.count(Level.NOTE)} to note")
        raise typer.Exit(1 if ill else 0)


def _print(console: Console, finding: Any) -> None:
    console.print(f"{finding.level:<6}", style=_STYLES[finding.level], end="")
    console.print(f"{finding.subject}: {finding.detail}", markup=False)
    if finding.remedy:
        console.print(f"{'':6}-> {finding.remedy}", markup=False)
