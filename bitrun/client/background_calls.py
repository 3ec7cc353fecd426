"""The calls of background commands in a sandbox: requests and responses, without I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from urllib.parse import quote

from bitrun.client.calls import Call, check_names, milliseconds, read_verdict
from bitrun.client.results import TerminalSize, Verdict
from bitrun.client.sandbox_calls import nothing, read_time, sandbox_path

LONGEST_WAIT = 25.0  # seconds of one call; a longer wait is several

_GRACE = 30.0  # seconds

CommandStatus = Literal["running", "ended", "failed"]


class BackgroundOptions(TypedDict, total=False):
    """Options of a background command.

    `stdin` is what it reads first; after that its stdin ends, unless `stdin_open`. `cwd` is the
    folder to run in. `timeout` is wall time in seconds, by default the sandbox's own life.
    """

    stdin: str
    stdin_open: bool
    cwd: str
    env: Mapping[str, str]
    timeout: float


class TerminalOptions(TypedDict, total=False):
    """Options of a terminal in a sandbox: the folder to run in, variables, and its size."""

    cwd: str
    env: Mapping[str, str]
    tty: TerminalSize


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A background command as the service describes it.

    One that has `failed` has no verdict: `error` says why. The service keeps the last part of its
    output: of `output_size` bytes all but the first `output_dropped`.
    """

    id: str
    command: str | tuple[str, ...]
    status: CommandStatus
    started_at: datetime
    ended_at: datetime | None
    output_size: int
    output_dropped: int
    verdict: Verdict | None
    error: str | None

    @property
    def running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """A part of the output of a background command.

    It begins at byte `offset`, and `next_offset` is where to read on. `dropped` bytes before it are
    not kept any more. `output` has both streams, in the order of writing.
    """

    offset: int
    next_offset: int
    dropped: int
    status: CommandStatus
    stdout: str
    stderr: str
    output: str

    @property
    def is_last(self) -> bool:
        """Whether nothing can follow: the command has ended, and this is empty."""
        return self.status != "running" and self.next_offset == self.offset


def start(
    sandbox_id: str, command: str | Sequence[str], options: BackgroundOptions
) -> Call[CommandInfo]:
    check_names(options, BackgroundOptions)
    body: dict[str, Any] = {"command": command if isinstance(command, str) else list(command)}
    for name in ("stdin", "stdin_open", "cwd"):
        if name in options:
            body[name] = options[name]
    if env := options.get("env"):
        body["env"] = dict(env)
    if (timeout := milliseconds("timeout", options.get("timeout"))) is not None:
        body["timeout"] = timeout
    return Call("POST", _path(sandbox_id), _read_info, body)


def all_commands(sandbox_id: str) -> Call[tuple[CommandInfo, ...]]:
    return Call("GET", _path(sandbox_id), lambda answer: tuple(map(_read_info, answer)))


def find(sandbox_id: str, command_id: str, wait: float = 0) -> Call[CommandInfo]:
    query = f"?wait={round(1000 * wait)}"
    path = _path(sandbox_id, command_id) + query
    return Call("GET", path, _read_info, timeout=wait + _GRACE)


def output(sandbox_id: str, command_id: str, offset: int, wait: float) -> Call[CommandOutput]:
    query = f"/output?offset={offset}&wait={round(1000 * wait)}"
    path = _path(sandbox_id, command_id) + query
    return Call("GET", path, _read_output, timeout=wait + _GRACE)


def write(sandbox_id: str, command_id: str, text: str, *, end: bool) -> Call[CommandInfo]:
    path = f"{_path(sandbox_id, command_id)}/stdin"
    return Call("POST", path, _read_info, {"data": text, "end": end})


def signal(sandbox_id: str, command_id: str, name: str) -> Call[CommandInfo]:
    path = f"{_path(sandbox_id, command_id)}/signal"
    return Call("POST", path, _read_info, {"signal": name})


def delete(sandbox_id: str, command_id: str) -> Call[None]:
    return Call("DELETE", _path(sandbox_id, command_id), nothing)


def terminal_path(sandbox_id: str) -> str:
    return f"{sandbox_path(sandbox_id)}/terminal"


def terminal(command: str | Sequence[str] | None, options: TerminalOptions) -> dict[str, Any]:
    """Return the first message of a terminal; without a command it is a shell."""
    check_names(options, TerminalOptions)
    init: dict[str, Any] = {}
    if command is not None:
        init["command"] = command if isinstance(command, str) else list(command)
    if "cwd" in options:
        init["cwd"] = options["cwd"]
    if env := options.get("env"):
        init["env"] = dict(env)
    if (tty := options.get("tty")) is not None:
        init["tty"] = {"rows": tty.rows, "columns": tty.columns}
    return init


def _read_info(answer: Mapping[str, Any]) -> CommandInfo:
    command, ended_at, result = answer["command"], answer["ended_at"], answer["result"]
    return CommandInfo(
        answer["id"],
        command if isinstance(command, str) else tuple(command),
        answer["status"],
        read_time(answer["started_at"]),
        None if ended_at is None else read_time(ended_at),
        answer["output_size"],
        answer["output_dropped"],
        None if result is None else read_verdict(result),
        answer["error"],
    )


def _read_output(answer: Mapping[str, Any]) -> CommandOutput:
    return CommandOutput(
        answer["offset"],
        answer["next_offset"],
        answer["dropped"],
        answer["status"],
        answer["stdout"],
        answer["stderr"],
        answer["output"],
    )


def _path(sandbox_id: str, command_id: str | None = None) -> str:
    path = f"{sandbox_path(sandbox_id)}/commands"
    return path if command_id is None else f"{path}/{quote(command_id, safe='')}"
