"""`bitrun run`: runs a program on the service as if it ran locally."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bitrun.cli import exits, terminal
from bitrun.cli.options import (
    DEFAULT_URL,
    AddedFiles,
    Json,
    Language,
    Memory,
    Timeout,
    Token,
    Uploads,
    Url,
    Variables,
    Version,
    size,
    variables,
)
from bitrun.cli.output import print_json
from bitrun.cli.program_files import STDIN, find_language, read_files
from bitrun.client import Client, FileContent, RunOptions


def register(app: typer.Typer) -> None:
    # Everything after FILE is an argument of the program, even if it looks like an option.
    @app.command(context_settings={"allow_interspersed_args": False})
    def run(  # noqa: PLR0917  the options of the command line
        file: Annotated[
            Path,
            typer.Argument(
                metavar="FILE",
                help="Source file of the program; - reads it from stdin.",
            ),
        ],
        arguments: Annotated[
            list[str] | None, typer.Argument(metavar="ARGS...", help="Arguments of the program.")
        ] = None,
        language: Language = None,
        version: Version = "*",
        add: AddedFiles = None,
        upload: Uploads = None,
        timeout: Timeout = None,
        memory: Memory = None,
        output: Annotated[
            int | None,
            typer.Option(
                "--output", parser=size, metavar="SIZE",
                help="Limit of each output stream, such as 1M.",
            ),
        ] = None,
        stack: Annotated[
            int | None,
            typer.Option("--stack", parser=size, metavar="SIZE", help="Stack limit, such as 8M."),
        ] = None,
        processes: Annotated[
            int | None,
            typer.Option(
                "--processes", min=1, metavar="NUMBER",
                help="Limit of processes and threads.",
            ),
        ] = None,
        compile_arg: Annotated[
            list[str] | None,
            typer.Option(
                "--compile-arg", metavar="ARG",
                help="Argument of the compiler, such as -std=c++17. Can be repeated.",
            ),
        ] = None,
        env: Variables = None,
        url: Url = DEFAULT_URL,
        token: Token = None,
        json: Json = False,
    ) -> None:  # fmt: skip
        """Run a program on the service.

        Output appears as it is written, stdin is forwarded, and the exit code is that of
        the program. Output of a compiler goes to stderr. With a terminal as stdin the
        program may take as long as a session of the service, two minutes unless changed.
        """
        options = RunOptions(
            version=version,
            args=arguments or [],
            compile_args=compile_arg or [],
            env=variables(env or []),
        )
        files: dict[str, FileContent] = {**read_files(file, add or [])}
        if timeout is not None:
            options["timeout"] = timeout
        if memory is not None:
            options["memory"] = memory
        if output is not None:
            options["output"] = output
        if stack is not None:
            options["stack"] = stack
        if processes is not None:
            options["processes"] = processes
        with Client(url, token) as client:
            language = language or find_language(client, file)
            uploads = [client.find_upload(each) for each in upload or []]
            options["files"] = files | {each.name: each for each in uploads}
            if json:
                options["stdin"] = "" if file == STDIN else _read_stdin()
                result = client.run(language, **options)
                print_json(result)
                raise typer.Exit(exits.exit_code(result.verdict))
        stdin = terminal.NO_STDIN if file == STDIN else sys.stdin.fileno()
        try:
            code = asyncio.run(terminal.run(url, token, language, options, stdin))
        except BrokenPipeError:
            # The reader of the output is gone. The flush at Python's exit would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = exits.PIPE_CLOSED
        raise typer.Exit(code)


def _read_stdin() -> str:
    return "" if sys.stdin.isatty() else sys.stdin.read()
