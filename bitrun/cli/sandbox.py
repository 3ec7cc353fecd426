"""`bitrun sandbox`: containers of the service that stay for a while."""

import dataclasses
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from bitrun.cli import exits, sandbox_commands
from bitrun.cli.options import (
    DEFAULT_URL,
    Json,
    Memory,
    Timeout,
    Token,
    Url,
    Variables,
    Version,
    command_line,
    size,
    variables,
)
from bitrun.cli.output import print_json, print_table, printable
from bitrun.cli.program_files import read
from bitrun.client import (
    BackgroundOptions,
    Client,
    CommandOptions,
    Output,
    Sandbox,
    SandboxInfo,
    SandboxOptions,
)

app = typer.Typer(
    name="sandbox",
    help="Containers that stay for a while, with files and commands in them.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="A sandbox, as bitrun sandbox ls names it.")]


@app.command()
def create(  # noqa: PLR0917  the options of the command line
    language: Annotated[
        str | None, typer.Argument(metavar="LANGUAGE", help="Its language, such as python.")
    ] = None,
    version: Version = "*",
    package: Annotated[
        str | None,
        typer.Option("--package", metavar="ID", help="Its package, such as python-science."),
    ] = None,
    memory: Memory = None,
    minutes: Annotated[
        int | None,
        typer.Option("--minutes", min=1, help="End it after so long without use."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="HOST",
            help="A host that its programs may reach, such as pypi.org. Can be repeated.",
        ),
    ] = None,
    env: Variables = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    json: Json = False,
) -> None:
    """Create a sandbox, and print its id."""
    options = SandboxOptions(version=version, env=variables(env or []))
    if package is not None:
        options["package"] = package
    if memory is not None:
        options["memory"] = memory
    if minutes is not None:
        options["minutes"] = minutes
    if allow:
        options["allowed_domains"] = allow
    with Client(url, token) as client:
        made = client.sandbox(language, **options).create()
        if json:
            print_json(_info(made.info()))
        else:
            typer.echo(made.id)


# Everything after COMMAND is an argument of it, even if it looks like an option.
@app.command(name="exec", context_settings={"allow_interspersed_args": False})
def execute(  # noqa: PLR0917  the options of the command line
    sandbox: Id,
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND...", help="A command of the shell, or a program and its arguments."
        ),
    ],
    cwd: Annotated[
        str | None, typer.Option("--cwd", metavar="FOLDER", help="The folder to run in.")
    ] = None,
    timeout: Timeout = None,
    output_limit: Annotated[
        int | None,
        typer.Option("--output-limit", parser=size, metavar="SIZE", help="Limit of each stream."),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option("--stdin", "-i", help="Read stdin to its end, and give it to the command."),
    ] = False,
    background: Annotated[
        bool,
        typer.Option("--background", "-d", help="Let it go on, and print its id."),
    ] = False,
    env: Variables = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Run a command in a sandbox.

    One argument is a command of the shell; several are a program and its arguments. Output
    appears as it is written, and the exit code is that of the command. The id of one in the
    background is for logs and kill.
    """
    options = CommandOptions(env=variables(env or []))
    if interactive:
        options["stdin"] = sys.stdin.read()
    if cwd is not None:
        options["cwd"] = cwd
    if timeout is not None:
        options["timeout"] = timeout
    if output_limit is not None:
        options["output"] = output_limit
    line = command_line(command)
    if not line:
        raise typer.BadParameter("there is no command")
    with Client(url, token) as client, client.open_sandbox(sandbox) as found:
        if background:
            options.pop("output", None)
            typer.echo(found.start(line, **cast("BackgroundOptions", options)).id)
            return
        verdict = found.exec(line, on_output=_print, **options).verdict
    if explanation := exits.explanation("run", verdict):
        exits.print_error(explanation)
    raise typer.Exit(exits.exit_code(verdict))


sandbox_commands.register(app)


@app.command()
def cp(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file here, or ID:PATH.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="ID:PATH, or a file here.")],
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Copy a file into a sandbox or out of it."""
    from_id, from_path = _split(source)
    to_id, to_path = _split(target)
    if bool(from_id) is bool(to_id):
        raise typer.BadParameter("one of both must be ID:PATH")
    with Client(url, token) as client:
        if to_id:
            path = Path(source)
            content, mode = _read(path)
            is_folder = to_path == "" or to_path.endswith("/")
            name = f"{to_path}{path.name}" if is_folder else to_path
            with client.open_sandbox(to_id) as sandbox:
                sandbox.write(name, content, mode=mode)
        else:
            if not from_path:
                raise typer.BadParameter(f"{source} is a folder: name a file in it")
            with client.open_sandbox(from_id) as sandbox:
                _write(Path(target), from_path, sandbox)


@app.command()
def ls(
    sandbox: Annotated[
        str | None,
        typer.Argument(metavar="ID[:FOLDER]", help="A sandbox, to list its files."),
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    json: Json = False,
) -> None:
    """List the sandboxes of this client, or the files of one."""
    with Client(url, token) as client:
        if sandbox is None:
            _print_sandboxes(client.sandboxes(), json=json)
            return
        found_id, _, folder = sandbox.partition(":")
        with client.open_sandbox(found_id) as found:
            entries = found.list(folder)
    if json:
        print_json(
            [
                dataclasses.asdict(each) | {"modified_at": each.modified_at.isoformat()}
                for each in entries
            ]
        )
        return
    print_table(
        ("NAME", "KIND", "BYTES", "MODIFIED"),
        (
            (printable(each.name), each.kind, str(each.size), _time(each.modified_at))
            for each in entries
        ),
    )


@app.command()
def rm(
    sandboxes: Annotated[list[str], typer.Argument(metavar="ID...", help="Sandboxes to end.")],
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """End sandboxes, and all that runs in them."""
    with Client(url, token) as client:
        for each in sandboxes:
            with client.open_sandbox(each) as sandbox:
                sandbox.delete()


def _print(output: Output) -> None:
    stream = sys.stdout if output.stream == "stdout" else sys.stderr
    stream.write(output.text)
    stream.flush()


def _print_sandboxes(sandboxes: tuple[SandboxInfo, ...], *, json: bool) -> None:
    if json:
        print_json([_info(each) for each in sandboxes])
        return
    now = datetime.now(UTC)
    print_table(
        ("ID", "LANGUAGE", "VERSION", "ENDS IN"),
        (
            (
                each.id,
                each.language,
                each.version,
                f"{max(0, round((each.expires_at - now).total_seconds()))} s",
            )
            for each in sandboxes
        ),
    )


def _info(info: SandboxInfo) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in dataclasses.asdict(info).items()
    }


def _split(place: str) -> tuple[str, str]:
    """Split ID:PATH; the id is empty for a file here."""
    sandbox, colon, path = place.partition(":")
    return (sandbox, path) if colon and sandbox.startswith("sbx_") else ("", place)


def _read(path: Path) -> tuple[bytes, int]:
    return read(path), path.stat().st_mode & 0o777


def _write(target: Path, path: str, sandbox: Sandbox) -> None:
    content = sandbox.read(path)
    if target.is_dir():
        target /= os.path.basename(path)  # noqa: PTH119  a path of the sandbox, not of this machine
    try:
        target.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"{target} can't be written: {error.strerror}") from error


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
