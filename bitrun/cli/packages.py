"""`bitrun packages`: the packages of a service, installed or not."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from bitrun.cli import exits
from bitrun.cli.options import DEFAULT_URL, Json, Token, Url
from bitrun.cli.output import print_json, print_table
from bitrun.cli.progress import Report, progress
from bitrun.client import AlreadyInstalled, Client, Progress

app = typer.Typer(
    name="packages", help="List, install and uninstall packages of a service.", no_args_is_help=True
)

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME[=RANGE]...", help="Packages, each with an optional SemVer range."),
]


@app.command("list")
def list_packages(
    url: Url = DEFAULT_URL,
    token: Token = None,
    json: Json = False,
    installed: Annotated[
        bool, typer.Option("--installed", help="Only installed packages.")
    ] = False,
) -> None:
    """List all packages, installed or not."""
    with Client(url, token) as client:
        packages = [each for each in client.packages() if each.installed or not installed]
    if json:
        print_json(packages)
        return
    print_table(
        ("PACKAGE", "VERSION", "INSTALLED"),
        ((each.name, each.version, "yes" if each.installed else "no") for each in packages),
    )


@app.command()
def install(names: Names, url: Url = DEFAULT_URL, token: Token = None, json: Json = False) -> None:
    """Install the newest matching version of each package.

    A build continues if this command is interrupted; run the command again to follow it.
    """
    # Progress goes to stderr, so that stdout has only what a script reads.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Client(url, token) as client:
        for each in names:
            name, version = _parse(each)
            try:
                with progress(console, name) as report:
                    package = client.install(name, version, _lines_to(report))
            except AlreadyInstalled:
                exits.print_error(f"{each} is installed already")
                continue
            if json:
                print_json(package)
            else:
                typer.echo(f"Installed {package.name} {package.version}")


@app.command()
def uninstall(
    names: Names, url: Url = DEFAULT_URL, token: Token = None, json: Json = False
) -> None:
    """Remove the newest matching version of each package. Active runs finish normally."""
    with Client(url, token) as client:
        for each in names:
            package = client.uninstall(*_parse(each))
            if json:
                print_json(package)
            else:
                typer.echo(f"Uninstalled {package.name} {package.version}")


def _lines_to(report: Report) -> Callable[[Progress], None]:
    def pass_on(line: Progress) -> None:
        step = None if line.step is None or line.steps is None else (line.step, line.steps)
        report(line.line, step)

    return pass_on


def _parse(text: str) -> tuple[str, str]:
    name, _, version = text.partition("=")
    return name, version or "*"
