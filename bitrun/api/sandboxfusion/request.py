"""Body of a SandboxFusion `run_code` to a job."""

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitrun.api.http.json_body import encode_text
from bitrun.api.piston.files import decode_base64, file_path
from bitrun.api.sandboxfusion.languages import Mode, find_mode
from bitrun.config import catalogue
from bitrun.config.settings import MEBIBYTE, MIN_MEMORY, Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.limits import RequestedLimits, language_limits
from bitrun.execution.sources import unused_name
from bitrun.model.errors import RequestError
from bitrun.model.job import STAGES, File, Job, StageName
from bitrun.packages.runtimes import Runtimes

FIELDS = (
    "code", "language", "stdin", "compile_timeout", "run_timeout", "memory_limit_MB", "files",
    "fetch_files",
)  # fmt: skip

_MS_PER_SECOND = 1000
_IGNORED = "IGNORE_THIS_FILE"  # in a name: the original leaves such files out
_PHP_TAG = "<?php"
_MAX_SHOWN = 64  # characters of what a request has sent


@dataclass(frozen=True, slots=True)
class Program:
    """A job, and the names under which its client wants files: as sent, by their paths."""

    job: Job
    fetched: Mapping[str, str]


def read_program(body: Mapping[str, Any], runtimes: Runtimes, settings: Settings) -> Program:
    """Check a request and make its job.

    Limits beyond those of the language count as those: clients send ten seconds by default.

    Raises:
        RequestError: no installed language has the name, or another field can't be used.
    """
    code = read_text(body, "code", is_required=True)
    mode = find_mode(read_text(body, "language", is_required=True), runtimes)
    files = read_files(body.get("files"), settings.workdir_inodes)
    fetched = fetched_names(body.get("fetch_files"))
    name = unused_name(mode.file, files)
    main = File(name, encode_text(_source(code, mode), "code"))
    command = None if mode.command is None else catalogue.fill(mode.command, [name])
    job = build_job(
        Target.of(mode.runtime),
        settings,
        [main, *files.values()],
        code={name},
        command=command,
        compile_arguments=mode.compile_arguments,
        stdin=encode_text(read_text(body, "stdin"), "stdin"),
        limits=read_limits(body, mode, settings),
        output_files=[glob.escape(path) for path in fetched],
    )
    return Program(job, fetched)


def read_text(body: Mapping[str, Any], name: str, *, is_required: bool = False) -> str:
    value = body.get(name)
    if not isinstance(value, str) and (value is not None or is_required):
        raise RequestError(
            f"{name} is required as a string"
            if is_required
            else f"If specified, {name} must be a string"
        )
    return value or ""


def read_limits(
    body: Mapping[str, Any], mode: Mode, settings: Settings
) -> dict[StageName, RequestedLimits]:
    """Read times, in seconds, and memory, in MiB; each is lowered to what is possible."""
    maxima = language_limits(mode.runtime.language, settings).maxima
    memory = _number(body, "memory_limit_MB")
    found: dict[StageName, RequestedLimits] = {}
    for stage in STAGES:
        most = maxima[stage]
        seconds = _number(body, f"{stage}_timeout")
        if seconds is not None and seconds <= 0:
            raise RequestError(f"{stage}_timeout must be more than 0 seconds")
        found[stage] = RequestedLimits(
            wall_ms=None
            if seconds is None
            else max(1, round(min(seconds, most.wall_ms / _MS_PER_SECOND) * _MS_PER_SECOND)),
            memory=None
            if memory is None or memory <= 0
            else max(MIN_MEMORY, round(min(memory, most.memory / MEBIBYTE) * MEBIBYTE)),
        )
    return found


def _number(body: Mapping[str, Any], name: str) -> int | float | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise RequestError(f"If specified, {name} must be a number")
    return value


def _source(code: str, mode: Mode) -> str:
    if mode.runtime.language.name == "php" and not code.lstrip().startswith(_PHP_TAG):
        return f"{_PHP_TAG}\n{code}"
    return code


def read_files(files: Any, max_files: int) -> dict[str, File]:
    """Read the field `files`, by paths.

    Raises:
        RequestError: it can't be used.
    """
    if files is None:
        return {}
    if not isinstance(files, dict):
        raise RequestError("If specified, files must be an object of names and contents in base64")
    if len(files) > max_files:
        raise RequestError(f"files may have {max_files} entries at most, and has {len(files)}")
    found = {}
    for name, content in files.items():
        where = f"files[{name[:_MAX_SHOWN]!r}]"
        if content is None or _IGNORED in name:
            continue
        if not isinstance(content, str):
            raise RequestError(f"{where} must be a string or null")
        path = file_path(name, where)
        try:
            found[path] = File(path, decode_base64(content))
        except ValueError as error:
            raise RequestError(f"{where} is no valid base64") from error
    return found


def fetched_names(names: Any) -> dict[str, str]:
    """Read the field `fetch_files`: its names by their paths.

    Raises:
        RequestError: it can't be used.
    """
    if names is None:
        return {}
    if not isinstance(names, list) or any(not isinstance(name, str) for name in names):
        raise RequestError("If specified, fetch_files must be an array of strings")
    return {file_path(name, f"fetch_files[{index}]"): name for index, name in enumerate(names)}
