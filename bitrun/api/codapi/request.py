"""Body of a codapi `exec` to a job."""

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from bitrun.api.codapi.errors import UnknownSandbox
from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.api.piston.files import file_path
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.sources import program_name
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import ANY_VERSION, Runtime, Runtimes

FIELDS = ("sandbox", "version", "command", "files")

RUN, COMPILE = "run", "compile"

_DATA_URL = "data:"
_MAX_SHOWN = 64  # characters of what a request has sent


def find_unknown(body: Mapping[str, Any]) -> UnknownFields:
    unknown = UnknownFields()
    unknown.add(body, FIELDS)
    return unknown


def read_request(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings
) -> tuple[Runtime, str, Job]:
    """Check a request and make its job.

    Returns:
        The runtime, the command, and the job. That of the command `compile` has no run stage.

    Raises:
        UnknownSandbox: no installed language has the name, the version and the command.
        RequestError: another field can't be used.
    """
    sandbox = _text(body, "sandbox")
    if not sandbox:
        raise RequestError('sandbox is required: the name of a language, such as "python"')
    version = _text(body, "version") or ANY_VERSION
    runtime = runtimes.find(sandbox, version)
    if runtime is None:
        raise UnknownSandbox(runtimes.explain_missing(sandbox, version))
    command = _text(body, "command") or RUN
    known = _commands(runtime.language)
    if command not in known:
        raise UnknownSandbox(
            f"{runtime.language.name} has no command {command[:_MAX_SHOWN]}; there are: "
            + ", ".join(known)
        )
    files, code = _files(body.get("files"), runtime.language, settings.workdir_inodes)
    job = build_job(Target.of(runtime), settings, files, code=code)
    if command == COMPILE:
        job = dataclasses.replace(job, stages=job.stages[:1])
    return runtime, command, job


def _commands(language: Language) -> tuple[str, ...]:
    return (RUN,) if language.compile is None else (RUN, COMPILE)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"If specified, {name} must be a string")
    return value or ""


def _files(files: Any, language: Language, max_files: int) -> tuple[list[File], set[str]]:
    """Return the files, the main one first, and the names of those that are no data."""
    if not isinstance(files, dict) or not files:
        raise RequestError(
            "files is required as an object of names and contents; the name of the program is empty"
        )
    if len(files) > max_files:
        raise RequestError(f"files may have {max_files} entries at most, and has {len(files)}")
    main = program_name(language)
    found: dict[str, File] = {}
    code = set()
    for name, content in files.items():
        where = f"files[{name[:_MAX_SHOWN]!r}]"
        if not isinstance(content, str):
            raise RequestError(f"{where} must be a string")
        path = file_path(name, where) if name else main
        if path in found:
            raise RequestError(f"{where} and another file are both {path}")
        found[path] = File(path, _content(content, where))
        if not content.startswith(_DATA_URL):
            code.add(path)
    # Stable: without a main one, the first is it.
    ordered = sorted(found.values(), key=lambda file: file.name != main)
    return ordered, code | {ordered[0].name}


def _content(content: str, where: str) -> bytes:
    """Return the bytes of a text, or of the data URL that the widget makes of a binary file."""
    try:
        if not content.startswith(_DATA_URL):
            return content.encode()
        kind, comma, data = content.partition(",")
        if not comma:
            raise RequestError(f"{where} is no valid data URL: it has no comma")
        if kind.endswith(";base64"):
            return base64.b64decode(data, validate=True)
        return unquote_to_bytes(data)
    except ValueError as error:
        kind = "data URL" if content.startswith(_DATA_URL) else "text"
        raise RequestError(f"{where} is no valid {kind}") from error
