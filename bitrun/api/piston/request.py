"""Body of a Piston `execute` or `init` to a job, with Piston's refusals in their order."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bitrun.api.http.json_body import encode_text
from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.api.piston import output_files
from bitrun.api.piston.files import FIELDS as FILE_FIELDS
from bitrun.api.piston.files import RequestFile, any_is_text, check_contents, read_files
from bitrun.api.piston.limits import FIELDS as LIMIT_FIELDS
from bitrun.api.piston.limits import read_limits
from bitrun.api.piston.terminal import read_terminal
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job, is_variable_name
from bitrun.execution.limits import LanguageLimits, RequestedLimits, language_limits
from bitrun.model.errors import RequestError
from bitrun.model.job import Job, StageName, TerminalSize
from bitrun.packages.runtimes import Runtime, Runtimes

# Of `execute`, and of the message `init` of `connect`.
FIELDS = LIMIT_FIELDS | {
    "language", "version", "files", "stdin", "args", "compile_args", "env", "unbuffered", "fresh",
    output_files.FIELD,
}  # fmt: skip
INIT_FIELDS = FIELDS | {"type", "tty"}

_REQUIRED = {
    "language": 'language is the name or an alias of a runtime, such as "python"',
    "version": 'version is a SemVer range such as "3.x"; "*" is any version',
}
_EMPTY = (
    "The request has no fields: send a JSON object with language, version and files, such as "
    '{"language": "python", "version": "*", "files": [{"content": "print(1)"}]}'
)
_NO_CODE = "file"  # the language whose files need not be text

_MAX_SHOWN = 100  # characters of a name in a refusal

_MIN_PLAIN, _MAX_PLAIN = 1e-6, 1e21  # JavaScript writes other numbers with an exponent


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a request says of a run besides its files."""

    stdin: bytes
    arguments: Sequence[str]
    compile_arguments: Sequence[str]
    environment: Mapping[str, str]
    limits: Mapping[StageName, RequestedLimits]
    effective: LanguageLimits
    unbuffered: bool
    fresh: bool
    tty: TerminalSize | None
    output_files: Sequence[str]


def read_request(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings, *, interactive: bool = False
) -> tuple[Runtime, Job]:
    """Check a request and make its job.

    Stdin gets the newline that it lacks, so that a program without any reads one empty line. That
    of an `interactive` program is passed on unchanged.

    Raises:
        RequestError: it can't be carried out; the texts up to the limits are Piston's.
    """
    runtime, entries = read_program(body, runtimes, settings)
    options = read_options(body, runtime, settings, interactive=interactive)
    return runtime, make_job(runtime, read_files(entries), options, settings)


def find_unknown(body: Mapping[str, Any], known: Collection[str] = FIELDS) -> UnknownFields:
    """Find the fields of a request, and of its files, that nothing reads."""
    unknown = UnknownFields()
    unknown.add(body, known)
    add_unknown_of_files(unknown, body.get("files"))
    return unknown


def add_unknown_of_files(unknown: UnknownFields, entries: Any, place: str = "") -> None:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            unknown.add(entry, FILE_FIELDS, f"{place}files[{index}].")


def read_program(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings
) -> tuple[Runtime, list[dict[str, Any]]]:
    """Find the runtime of a request, and check its files without decoding them."""
    for field, detail in _REQUIRED.items():
        if not body.get(field) or not isinstance(body[field], str):
            raise RequestError(f"{field} is required as a string", detail if body else _EMPTY)
    entries = check_contents(body.get("files"), settings.workdir_inodes)
    runtime = runtimes.find(body["language"], body["version"])
    if runtime is None:
        language, version = body["language"], body["version"]
        raise RequestError(
            f"{language}-{version} runtime is unknown", runtimes.explain_missing(language, version)
        )
    if runtime.language.name != _NO_CODE and not any_is_text(entries):
        raise RequestError(
            "files must include at least one utf8 encoded file",
            'The program is a file whose encoding is "utf8" or left out',
        )
    return runtime, entries


def read_options(
    body: Mapping[str, Any], runtime: Runtime, settings: Settings, *, interactive: bool = False
) -> RunOptions:
    """Read everything but the files."""
    effective = language_limits(runtime.language, settings)
    limits = read_limits(body, effective, interactive=interactive)
    stdin = read_text(body, "stdin") or b""
    if not interactive and not stdin.endswith(b"\n"):
        stdin += b"\n"
    arguments = _arguments(body.get("args"))
    unbuffered = interactive or read_flag(body, "unbuffered")
    return RunOptions(
        stdin,
        arguments,
        _compile_arguments(body.get("compile_args"), runtime.language),
        read_environment(body.get("env")),
        limits,
        effective,
        unbuffered,
        fresh=read_flag(body, "fresh"),
        tty=read_terminal(body["tty"]) if interactive and body.get("tty") else None,
        output_files=output_files.read_patterns(body.get(output_files.FIELD)),
    )


def make_job(
    runtime: Runtime, files: Sequence[RequestFile], options: RunOptions, settings: Settings
) -> Job:
    return build_job(
        Target.of(runtime),
        settings,
        [each.file for each in files],
        code={each.file.name for each in files if each.is_code},
        arguments=options.arguments,
        compile_arguments=options.compile_arguments,
        stdin=options.stdin,
        environment={"PISTON_LANGUAGE": runtime.language.name, **options.environment},
        limits=options.limits,
        effective=options.effective,
        tty=options.tty,
        unbuffered=options.unbuffered,
        fresh=options.fresh,
        output_files=options.output_files,
    )


def read_flag(body: Mapping[str, Any], name: str) -> bool:
    """Read a boolean, False by default."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RequestError(f"If specified, {name} must be true or false")
    return bool(value)


def read_text(body: Mapping[str, Any], name: str) -> bytes | None:
    """Read a string; None if there is none."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"If specified, {name} must be a string")
    return encode_text(value, name)


def _arguments(value: Any) -> list[str]:
    if value is None:
        return []
    numbers = (str, int, float)
    if not isinstance(value, list) or any(
        isinstance(each, bool) or not isinstance(each, numbers) for each in value
    ):
        raise RequestError("If specified, args must be an array of strings and numbers")
    return [each if isinstance(each, str) else _number(each) for each in value]


def _compile_arguments(value: Any, language: Language) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
        raise RequestError("If specified, compile_args must be an array of strings")
    if value and language.compile_args is None:
        raise RequestError(f"{language.name} takes no compile_args: leave them out")
    for each in value:
        if not re.fullmatch(language.compile_args or "", each):
            raise RequestError(
                f"{language.name} does not take {each} in compile_args: each must match"
                f" {language.compile_args}"
            )
    return value


def read_environment(value: Any) -> Mapping[str, str]:
    """Read the variables of a program; none where there is no object."""
    if value is None:
        return {}
    if not isinstance(value, dict) or any(not isinstance(each, str) for each in value.values()):
        raise RequestError("If specified, env must be an object whose values are strings")
    for name in value:
        if not is_variable_name(name):
            raise RequestError(
                f"env can't have a variable {name[:_MAX_SHOWN]}: its name must consist of letters,"
                " digits and _, and not begin with a digit"
            )
    return value


def _number(value: float) -> str:
    """Write a number as JavaScript does, which knows doubles only."""
    try:
        value = float(value)
    except OverflowError:
        value = math.inf if value > 0 else -math.inf
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _MIN_PLAIN <= abs(value) < _MAX_PLAIN:
        plain = format(Decimal(repr(value)), "f")
        return plain.removesuffix(".0").removeprefix("-" if value == 0 else "")
    return re.sub(r"e([+-])0+", r"e\1", repr(value))
