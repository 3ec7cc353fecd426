"""Bodies of requests to sandboxes: what to create, and what to run."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.api.piston.files import check_contents, read_files
from bitrun.api.piston.request import (
    add_unknown_of_files,
    make_job,
    read_environment,
    read_options,
    read_text,
)
from bitrun.api.piston.terminal import read_terminal
from bitrun.config.settings import MIN_MEMORY, Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.kernels.cell import Cell
from bitrun.execution.limits import RequestedLimits, language_limits, sandbox_limits
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.model.errors import EgressDenied, RequestError
from bitrun.model.job import File, Job, TerminalSize
from bitrun.model.signals import SIGNAL_NUMBERS
from bitrun.packages.runtimes import ANY_VERSION, Runtime, Runtimes

CREATE_FIELDS = frozenset(
    {"language", "version", "package", "files", "env", "memory", "expires_after", "network_policy"}
)
EXEC_FIELDS = frozenset({"command", "stdin", "cwd", "env", "timeout", "output_limit"})
START_FIELDS = frozenset({"command", "stdin", "stdin_open", "cwd", "env", "timeout"})
STDIN_FIELDS = frozenset({"data", "end"})
SIGNAL_FIELDS = frozenset({"signal"})
TERMINAL_FIELDS = frozenset({"type", "command", "cwd", "env", "tty"})
CELL_FIELDS = frozenset({"code", "kernel", "timeout", "output_limit", "stdin"})
KERNEL_FIELDS = frozenset({"kernel"})
RUN_FIELDS = frozenset({"files", "args", "compile_args", "stdin", "env", "timeout", "output_limit"})

_ANCHOR = "last_active_at"
_MAX_SHOWN = 100  # characters of a value in a refusal
_MAX_DIGITS = 18
_MAX_LISTED = 2000  # characters of a command in a listing
_MINUTE = 60
_SECOND_MS = 1000
_MAX_DOMAINS = 100
_MAX_WAIT = 30_000  # milliseconds; proxies give up on a silent request after a minute
_MAX_COMMAND_OUTPUT = 1 << 40  # bytes of what is not kept, or goes to a terminal: any

_DEFAULT_TERMINAL = TerminalSize(24, 80)
# Most images have bash, and all a sh.
_SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")

# A program that changes the directory for the rest of its arguments.
_IN_FOLDER = ("sh", "-c", 'cd -- "$1" && shift && exec "$@"', "sh")


def read_create(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings, *, may_egress: bool
) -> tuple[SandboxPlan, list[File]]:
    """Check a request to create a sandbox, and return its plan and its files.

    `may_egress` says whether its client may have a network.

    Raises:
        RequestError: it can't be carried out.
        EgressDenied: it asks for a network.
    """
    runtime = _find_runtime(body, runtimes)
    entries = [] if body.get("files") is None else body["files"]
    files = [each.file for each in read_files(check_contents(entries, settings.workdir_inodes))]
    allowed_domains = _read_network(body.get("network_policy"), settings, may_egress=may_egress)
    limits = sandbox_limits(runtime.language, settings)
    limits = dataclasses.replace(
        limits,
        memory=_read_memory(body.get("memory"), limits.memory),
        idle=_read_minutes(body.get("expires_after"), settings.sandbox_idle) * _MINUTE,
    )
    environment = read_environment(body.get("env"))
    return SandboxPlan(runtime, limits, environment, allowed_domains), files


def read_exec(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> Job:
    """Make the job of a command.

    Raises:
        RequestError: it can't be carried out.
    """
    limits = _read_limits(body, sandbox, settings)
    return _command_job(body, sandbox, settings, _read_command(body), limits=limits)


def read_start(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> Job:
    """Make the job of a command in the background.

    Raises:
        RequestError: it can't be carried out.
    """
    maximum = settings.sandbox_lifetime * _MINUTE * _SECOND_MS
    timeout = _read_number(body, "timeout", maximum, maximum, "milliseconds")
    limits = _lasting_limits(timeout, sandbox)
    return _command_job(body, sandbox, settings, _read_command(body), limits=limits)


def read_terminal_init(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> Job:
    """Make the job of a terminal's first message; without a command it is a shell.

    Raises:
        RequestError: it can't be carried out.
    """
    command = _SHELL if body.get("command") is None else _read_command(body)
    tty = _DEFAULT_TERMINAL if body.get("tty") is None else read_terminal(body["tty"])
    limits = _lasting_limits(settings.sandbox_lifetime * _MINUTE * _SECOND_MS, sandbox)
    return _command_job(body, sandbox, settings, command, limits=limits, tty=tty)


def shown_command(body: Mapping[str, Any]) -> str | list[str]:
    """Return a command as listings show it: the beginning of a long one."""
    command = body["command"]
    if isinstance(command, str):
        return command if len(command) <= _MAX_LISTED else f"{command[:_MAX_LISTED]}…"
    shown: list[str] = []
    left = _MAX_LISTED
    for word in command:
        if len(word) >= left:
            return [*shown, f"{word[:left]}…"]
        shown.append(word)
        left -= len(word) + 1
    return shown


def read_signal(body: Mapping[str, Any]) -> int:
    """Read the name of a signal, SIGTERM by default, and return its number."""
    name = body.get("signal") or "SIGTERM"
    if not isinstance(name, str) or name not in SIGNAL_NUMBERS:
        raise RequestError("signal must be the name of one, such as SIGTERM or SIGKILL")
    return SIGNAL_NUMBERS[name]


def read_query(arguments: Mapping[str, str], name: str, maximum: int) -> int:
    """Read a whole number of a query, 0 by default."""
    text = arguments.get(name, "0")
    # str.isdigit() takes the digits of all scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS) or int(text) > maximum:
        raise RequestError(f"{name} must be a whole number from 0 to {maximum}")
    return int(text)


def read_wait(arguments: Mapping[str, str]) -> float:
    """Read how long to wait, and return seconds."""
    return read_query(arguments, "wait", _MAX_WAIT) / _SECOND_MS


def read_run(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> Job:
    """Make the job of a program in the sandbox's language, as `execute` of Piston does.

    Raises:
        RequestError: it can't be carried out.
    """
    files = read_files(check_contents(body.get("files"), settings.workdir_inodes))
    options = read_options({name: body.get(name) for name in RUN_FIELDS}, sandbox.runtime, settings)
    options = dataclasses.replace(
        options,
        environment={**sandbox.environment, **options.environment},
        limits={**options.limits, "run": _read_limits(body, sandbox, settings)},
    )
    return make_job(sandbox.runtime, files, options, settings)


def read_cell(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> Cell:
    """Read the cell of a request.

    Raises:
        RequestError: it can't be run.
    """
    code, stdin = body.get("code"), body.get("stdin")
    if not isinstance(code, str):
        raise RequestError("code is required as a string")
    if not isinstance(stdin, str | None):
        raise RequestError("If specified, stdin must be a string")
    limits = _read_limits(body, sandbox, settings)
    return Cell(code, limits.wall_ms or 0, limits.output or 0, stdin)


def read_kernel(body: Mapping[str, Any]) -> str | None:
    """Read which kernel a request means: the name of its spec, or a language.

    Raises:
        RequestError: it is no string.
    """
    name = body.get("kernel")
    if not isinstance(name, str | None):
        raise RequestError("If specified, kernel must be a string, the name of a kernel")
    return name


def find_unknown(body: Mapping[str, Any], known: frozenset[str]) -> UnknownFields:
    """Find the fields of a request, and of its files, that nothing reads."""
    unknown = UnknownFields()
    unknown.add(body, known)
    if "files" in known:
        add_unknown_of_files(unknown, body.get("files"))
    return unknown


def _read_command(body: Mapping[str, Any]) -> tuple[str, ...]:
    command = body.get("command")
    if isinstance(command, list) and command and all(isinstance(each, str) for each in command):
        return tuple(command)
    if isinstance(command, str) and command.strip():
        return ("sh", "-c", command)
    raise RequestError(
        "command is required: a string for the shell, or an array of strings, the program and"
        " its arguments"
    )


def _command_job(
    body: Mapping[str, Any],
    sandbox: Sandbox,
    settings: Settings,
    argv: tuple[str, ...],
    *,
    limits: RequestedLimits,
    tty: TerminalSize | None = None,
) -> Job:
    if body.get("cwd") is not None:
        if not isinstance(body["cwd"], str) or not body["cwd"]:
            raise RequestError("If specified, cwd must be a string, the path of a folder")
        argv = (*_IN_FOLDER, body["cwd"], *argv)
    return build_job(
        Target.of(sandbox.runtime),
        settings,
        command=argv,
        stdin=read_text(body, "stdin") or b"",
        environment={**sandbox.environment, **read_environment(body.get("env"))},
        limits={"run": limits},
        tty=tty,
    )


def _lasting_limits(wall_ms: int, sandbox: Sandbox) -> RequestedLimits:
    return RequestedLimits(
        wall_ms=wall_ms,
        output=_MAX_COMMAND_OUTPUT,
        memory=sandbox.limits.memory,
        has_cpu_limit=False,
    )


def _find_runtime(body: Mapping[str, Any], runtimes: Runtimes) -> Runtime:
    for name in ("language", "version", "package"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise RequestError(f"If specified, {name} must be a string")
    language, version = body.get("language"), body.get("version") or ANY_VERSION
    if package := body.get("package"):
        for runtime in runtimes.all():
            if package == runtime.package.id and language in (None, runtime.language.name):
                return runtime
        raise RequestError(f"No package {package[:_MAX_SHOWN]} is installed")
    if not language:
        raise RequestError(
            'language is required: the name or an alias of a runtime, such as "python"; or package,'
            " the id of a package"
        )
    found = runtimes.find(language, version)
    if found is None:
        raise RequestError(runtimes.explain_missing(language, version))
    return found


def _read_network(value: Any, settings: Settings, *, may_egress: bool) -> tuple[str, ...]:
    """Return the hosts that a sandbox may connect to, none without a network."""
    kind = value.get("type") if isinstance(value, dict) else value
    if kind in (None, "none", "disabled"):
        return ()
    if not settings.egress:
        raise RequestError(
            "Sandboxes have no network here, since the operator lists no hosts in BITRUN_EGRESS:"
            " leave the hosts out (network_policy)"
        )
    if not may_egress:
        raise EgressDenied
    domains = value.get("allowed_domains") if isinstance(value, dict) else None
    if (
        kind != "allowlist"
        or not isinstance(domains, list)
        or not 1 <= len(domains) <= _MAX_DOMAINS
        or not all(isinstance(each, str) for each in domains)
    ):
        raise RequestError(
            'network_policy must be {"type": "disabled"} or {"type": "allowlist",'
            f' "allowed_domains": [...]}}, with 1 to {_MAX_DOMAINS} hosts such as "pypi.org"'
        )
    try:
        settings.allow_list.select(domains)
    except ValueError as error:
        raise RequestError(f"allowed_domains: {error}") from error
    return tuple(domains)


def _read_memory(value: Any, maximum: int) -> int:
    if value is None:
        return maximum
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_MEMORY <= value <= maximum:
        raise RequestError(f"memory must be from {MIN_MEMORY} to {maximum} bytes")
    return value


def _read_minutes(value: Any, maximum: int) -> int:
    if value is None:
        return maximum
    if not isinstance(value, dict) or value.get("anchor", _ANCHOR) != _ANCHOR:
        raise RequestError(f'expires_after must be {{"anchor": "{_ANCHOR}", "minutes": N}}')
    minutes = value.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= maximum:
        raise RequestError(f"expires_after.minutes must be from 1 to {maximum}")
    return minutes


def _read_limits(body: Mapping[str, Any], sandbox: Sandbox, settings: Settings) -> RequestedLimits:
    effective = language_limits(sandbox.runtime.language, settings)
    output = effective.stages["run"].output
    return RequestedLimits(
        wall_ms=_read_number(
            body, "timeout", settings.sandbox_timeout, settings.sandbox_timeout, "milliseconds"
        ),
        output=_read_number(body, "output_limit", output, effective.maxima["run"].output, "bytes"),
        memory=sandbox.limits.memory,
        has_cpu_limit=False,
    )


def _read_number(body: Mapping[str, Any], name: str, default: int, maximum: int, unit: str) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
        raise RequestError(f"{name} must be from 1 to {maximum} {unit}")
    return value
