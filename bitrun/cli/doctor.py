"""`bitrun doctor`: checks of this machine, its engine and the installed languages."""

from typing import Any

import typer
from rich.console import Console

from bitrun.cli.extras import needs
from bitrun.cli.options import Json
from bitrun.cli.output import print_json

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}
_WIDTH = 8  # of the column with the level


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(json: Json = False) -> None:
        """Check this machine, its Docker engine and the languages.

        Uses the settings of the service and the engine itself, not a running service. Each problem
        comes with a remedy. The exit code is 1 if there is an error.
        """
        with needs("server"):
            # They also take a while to import.
            from bitrun.doctor.checks import run_checks  # noqa: PLC0415
            from bitrun.doctor.findings import Level  # noqa: PLC0415

        console = Console(highlight=False, soft_wrap=True)
        levels = []
        for finding in run_checks():
            levels.append(finding.level)
            if json:
                print_json(finding)
            else:
                _print(console, finding)
        errors, warnings = levels.count(Level.ERROR), levels.count(Level.WARNING)
        if not json:
            console.print(f"errors: {errors}, warnings: {warnings}")
        raise typer.Exit(1 if errors else 0)


def _print(console: Console, finding: Any) -> None:
    console.print(f"{finding.level:<{_WIDTH}}", style=_STYLES[finding.level], end="")
    console.print(f"{finding.subject}: {finding.detail}", markup=False)
    if finding.remedy:
        console.print(f"{'':{_WIDTH}}-> {finding.remedy}", markup=False)
