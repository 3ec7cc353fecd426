"""`bitrun run`: runs a program on the service as if it ran locally."""

import asyncio
import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast

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
from bitrun.client import Client, FileContent, Result, RunOptions

_ALL_FILES = "**"


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
            Path | None,
            typer.Option(
                "--output", "-o", metavar="DIR",
                help="Save the files that the program makes in this folder.",
            ),
        ] = None,
        output_file: Annotated[
            list[str] | None,
            typer.Option(
                "--output-file", metavar="PATTERN",
                help="Which of them, such as '*.png' or 'out/**'. Can be repeated. Default: all.",
            ),
        ] = None,
        output_limit: Annotated[
            int | None,
            typer.Option(
                "--output-limit", parser=size, metavar="SIZE",
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
            output_files=_patterns(output, output_file or []),
        )
        files: dict[str, FileContent] = {**read_files(file, add or [])}
        options.update(
            _given(
                timeout=timeout,
                memory=memory,
                output=output_limit,
                stack=stack,
                processes=processes,
            )
        )
        with Client(url, token) as client:
            language = language or find_language(client, file)
            uploads = [client.find_upload(each) for each in upload or []]
            options["files"] = files | {each.name: each for each in uploads}
            if json:
                options["stdin"] = "" if file == STDIN else _read_stdin()
                result = client.run(language, **options)
                if output is not None:
                    result.save(output)
                print_json(_without_contents(result))
                raise typer.Exit(exits.exit_code(result.verdict))
        stdin = terminal.NO_STDIN if file == STDIN else sys.stdin.fileno()
        try:
            code = asyncio.run(terminal.run(url, token, language, options, stdin, folder=output))
        except BrokenPipeError:
            # The reader of the output is gone. The flush at Python's exit would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = exits.PIPE_CLOSED
        raise typer.Exit(code)


def _given(**limits: float | None) -> RunOptions:
    """Return the options that are set."""
    return cast("RunOptions", {name: value for name, value in limits.items() if value is not None})


def _patterns(folder: Path | None, patterns: list[str]) -> list[str]:
    if folder is None and patterns:
        raise typer.BadParameter("it needs --output DIR", param_hint="--output-file")
    return [] if folder is None else patterns or [_ALL_FILES]


def _without_contents(result: Result) -> dict[str, Any]:
    """Return a result as plain data, with names and sizes of files that are saved."""
    files = [{"name": file.name, "size": len(file.content)} for file in result.files]
    return dataclasses.asdict(dataclasses.replace(result, files=())) | {"files": files}


def _read_stdin() -> str:
    return "" if sys.stdin.isatty() else sys.stdin.read()
