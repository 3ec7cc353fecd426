"""`bitrun run`: a program runs there as if it ran here."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from bitrun.cli import exits, terminal
from bitrun.cli.options import DEFAULT_URL, Json, Token, Url
from bitrun.cli.output import print_json
from bitrun.client import Client, RunOptions

_SIZE = re.compile(r"(\d+)([KMG]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_STDIN = Path("-")


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text} is no size such as 64M: bytes, or with K, M or G")
    return int(found[1]) * _UNITS[found[2].upper()]


def register(app: typer.Typer) -> None:
    # What stands behind FILE is the program's own, also where it looks like an option.
    @app.command(context_settings={"allow_interspersed_args": False})
    def run(  # noqa: PLR0917  the command line's
        file: Annotated[
            Path,
            typer.Argument(
                metavar="FILE",
                help="The program; - reads it from stdin.",
            ),
        ],
        arguments: Annotated[
            list[str] | None, typer.Argument(metavar="ARGS...", help="The program's arguments.")
        ] = None,
        language: Annotated[
            str | None,
            typer.Option("--language", "-l", help="If the file's ending does not tell."),
        ] = None,
        version: Annotated[
            str, typer.Option("--version", "-v", metavar="RANGE", help="Of the language.")
        ] = "*",
        add: Annotated[
            list[Path] | None,
            typer.Option(
                "--add", "-a", metavar="FILE",
                help="Another file beside it, under the name given here. Can be repeated.",
            ),
        ] = None,
        timeout: Annotated[
            float | None,
            typer.Option("--timeout", "-t", min=0.001, metavar="SECONDS", help="Of wall time."),
        ] = None,
        memory: Annotated[
            int | None,
            typer.Option("--memory", "-m", parser=_size, metavar="SIZE", help="Such as 64M."),
        ] = None,
        url: Url = DEFAULT_URL,
        token: Token = None,
        json: Json = False,
    ) -> None:  # fmt: skip
        """Run a program on the service.

        Its output comes as it is written, stdin is passed on, and its exit code is the
        command's. What a compiler prints goes to stderr.
        """
        options = RunOptions(version=version, args=arguments or [], files=_files(file, add or []))
        if timeout is not None:
            options["timeout"] = timeout
        if memory is not None:
            options["memory"] = memory
        with Client(url, token) as client:
            language = language or _language(client, file)
            if json:
                options["stdin"] = "" if file == _STDIN else _read_stdin()
                result = client.run(language, **options)
                print_json(result)
                raise typer.Exit(exits.exit_code(result.verdict))
        stdin = terminal.NOTHING if file == _STDIN else sys.stdin.fileno()
        try:
            code = asyncio.run(terminal.run(url, token, language, options, stdin))
        except BrokenPipeError:
            # Whoever read the output has had enough. Python's own last flush would complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = exits.PIPE_CLOSED
        raise typer.Exit(code)


def _files(main: Path, others: list[Path]) -> dict[str, str | bytes]:
    source = sys.stdin.buffer.read() if main == _STDIN else _read(main)
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{main} is no UTF-8 at byte {error.start}") from error
    files: dict[str, str | bytes] = {"stdin" if main == _STDIN else main.name: text}
    for other in others:
        files[str(other)] = _content(other)
    return files


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} can't be read: {error.strerror}") from error


def _content(file: Path) -> str | bytes:
    content = _read(file)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _read_stdin() -> str:
    return "" if sys.stdin.isatty() else sys.stdin.read()


def _language(client: Client, file: Path) -> str:
    """Ask the service whose files end like this one."""
    extension = file.suffix.removeprefix(".")
    if not extension:
        raise typer.BadParameter(f"{file} has no ending that tells its language: add --language")
    known = client.extensions()
    # .C is C++, and .c is C.
    found = known.get(extension) or known.get(extension.lower())
    if found is None:
        raise typer.BadParameter(f"No language has files that end in .{extension}: add --language")
    if not found.installed:
        exits.say(
            f"{found.language} is not installed on the service. "
            f"If you may install it: bitrun packages install {found.package}"
        )
        raise typer.Exit(exits.NOT_RUN)
    return found.language
