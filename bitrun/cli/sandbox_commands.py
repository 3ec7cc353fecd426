"""`bitrun sandbox`: commands that go on in a sandbox, and its terminal."""

import asyncio
import sys
from datetime import datetime
from typing import Annotated

import typer

from bitrun.cli import exits, terminal
from bitrun.cli.options import DEFAULT_URL, Json, Token, Url, Variables, command_line, variables
from bitrun.cli.output import print_json, print_table, printable
from bitrun.cli.raw_mode import RawMode
from bitrun.client import Client, CommandInfo, CommandOutput, TerminalOptions

_SandboxId = Annotated[str, typer.Argument(metavar="ID", help="A sandbox.")]
_CommandId = Annotated[
    str, typer.Argument(metavar="COMMAND", help="A command, as bitrun sandbox ps names it.")
]


def register(app: typer.Typer) -> None:
    app.command()(ps)
    app.command()(logs)
    app.command()(kill)
    app.command(context_settings={"allow_interspersed_args": False})(shell)


def ps(
    sandbox: _SandboxId, url: Url = DEFAULT_URL, token: Token = None, json: Json = False
) -> None:
    """List the background commands of a sandbox."""
    with Client(url, token) as client, client.open_sandbox(sandbox) as found:
        commands = found.commands()
    if json:
        print_json([_as_json(each) for each in commands])
        return
    print_table(
        ("ID", "STATUS", "STARTED", "COMMAND"),
        (
            (each.id, _state(each), each.started_at.isoformat(timespec="seconds"), _line(each))
            for each in commands
        ),
    )


def logs(
    sandbox: _SandboxId,
    command: _CommandId,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Go on until the command ends, and exit with its exit code."
        ),
    ] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Print the output of a background command, as far as the service keeps it."""
    with Client(url, token) as client, client.open_sandbox(sandbox) as found:
        running = found.command(command)
        if follow:
            for part in running.follow():
                _print(part)
            raise typer.Exit(_end(running.info()))
        offset = 0
        while (part := running.output(offset)).next_offset > part.offset:
            _print(part)
            offset = part.next_offset


def kill(
    sandbox: _SandboxId,
    command: _CommandId,
    signal: Annotated[
        str, typer.Option("--signal", "-s", metavar="NAME", help="A signal, such as SIGKILL.")
    ] = "SIGTERM",
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Send a signal to a background command."""
    with Client(url, token) as client, client.open_sandbox(sandbox) as found:
        found.command(command).signal(signal)


def shell(  # noqa: PLR0917  the options of the command line
    sandbox: _SandboxId,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND...",
            help="A command of the shell, or a program and its arguments. Default: a shell.",
        ),
    ] = None,
    cwd: Annotated[
        str | None, typer.Option("--cwd", metavar="FOLDER", help="The folder to run in.")
    ] = None,
    env: Variables = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Open a terminal in a sandbox. Its end, or that of this command, ends what runs on it."""
    raw_mode = RawMode.of(sys.stdin.fileno())
    if raw_mode is None:
        exits.print_error(
            "stdin, stdout and stderr must be a terminal; bitrun sandbox exec needs none"
        )
        raise typer.Exit(exits.NOT_RUN)
    options = TerminalOptions(env=variables(env or []), tty=raw_mode.size)
    if cwd is not None:
        options["cwd"] = cwd
    line = command_line(command or []) or None
    attached = terminal.attach(url, token, sandbox, line, options=options, raw_mode=raw_mode)
    raise typer.Exit(asyncio.run(attached))


def _print(part: CommandOutput) -> None:
    if part.dropped:
        exits.print_error(f"{part.dropped} bytes of earlier output are not kept any more")
    for stream, text in ((sys.stdout, part.stdout), (sys.stderr, part.stderr)):
        stream.write(text)
        stream.flush()


def _end(command: CommandInfo) -> int:
    """Explain how a command has ended, and return the exit code for it."""
    if command.verdict is None:
        exits.print_error(command.error or "The command has no result")
        return exits.NOT_RUN
    if explanation := exits.explanation("run", command.verdict):
        exits.print_error(explanation)
    return exits.exit_code(command.verdict)


def _state(command: CommandInfo) -> str:
    verdict = command.verdict
    if verdict is None:
        return command.status
    return verdict.signal or f"exit {verdict.code}"


def _line(command: CommandInfo) -> str:
    words = command.command
    text = words if isinstance(words, str) else " ".join(words)
    return printable(text, " ")


def _as_json(command: CommandInfo) -> dict[str, object]:
    def plain(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "id": command.id,
        "command": command.command,
        "status": command.status,
        "started_at": plain(command.started_at),
        "ended_at": plain(command.ended_at),
        "output_size": command.output_size,
        "output_dropped": command.output_dropped,
        "verdict": command.verdict,
        "error": command.error,
    }
