"""Files of programs on the command line, and their languages."""

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from bitrun.cli import exits
from bitrun.client import Client

STDIN = Path("-")


def read_files(main: Path, others: Sequence[Path]) -> dict[str, str | bytes]:
    """Read a program and the files that it needs; text is decoded.

    Raises:
        BadParameter: one can't be read, or the program is no UTF-8.
    """
    source = sys.stdin.buffer.read() if main == STDIN else read(main)
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{main} is not UTF-8 at byte {error.start}") from error
    files: dict[str, str | bytes] = {"stdin" if main == STDIN else main.name: text}
    for other in others:
        files[str(other)] = _decoded(other)
    return files


def read(file: Path) -> bytes:
    """Read a file.

    Raises:
        BadParameter: it can't be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} can't be read: {error.strerror}") from error


def _decoded(file: Path) -> str | bytes:
    content = read(file)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def find_language(client: Client, file: Path) -> str:
    """Ask the service for the language of a file's extension.

    Raises:
        BadParameter: it has none, or none that is known.
        Exit: the language is not installed.
    """
    extension = file.suffix.removeprefix(".")
    if not extension:
        raise typer.BadParameter(f"{file} has no extension: add --language")
    known = client.extensions()
    # .C is C++, and .c is C.
    found = known.get(extension) or known.get(extension.lower())
    if found is None:
        raise typer.BadParameter(f"No language has the extension .{extension}: add --language")
    if not found.installed:
        exits.print_error(
            f"{found.language} is not installed on the service. "
            f"To install it, with an admin token: bitrun packages install {found.package}"
        )
        raise typer.Exit(exits.NOT_RUN)
    return found.language
