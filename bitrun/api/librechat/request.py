"""Body of an `exec` to a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrun.api.http.json_body import encode_text
from bitrun.api.librechat.inputs import FileReference, Input, free_name, read_references
from bitrun.api.librechat.languages import file_name, find_environment
from bitrun.api.librechat.outputs import PATTERNS
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import build_job
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import Runtimes

# What LibreChat sends. A client is known by its token; every run is a new process in a new box, so
# there is no session that goes on.
FIELDS = (
    "lang", "code", "args", "files", "user_id", "entity_id", "session_id", "runtime_session_hint",
)  # fmt: skip

WORKDIR = "/mnt/data"

_MAX_ARGUMENTS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A checked body; `files` are still to be opened."""

    language: str
    code: bytes
    arguments: Sequence[str]
    files: Sequence[FileReference]


def read_request(body: Mapping[str, Any]) -> Request:
    """Check a body.

    Raises:
        RequestError: a field can't be used.
    """
    language, code, arguments = body.get("lang"), body.get("code"), body.get("args")
    if not isinstance(language, str) or not language:
        raise RequestError('lang is required: the name of a language, such as "py"')
    if not isinstance(code, str):
        raise RequestError("code is required as a string")
    if arguments is None:
        arguments = []
    if not isinstance(arguments, list) or any(not isinstance(each, str) for each in arguments):
        raise RequestError("If specified, args must be an array of strings")
    if len(arguments) > _MAX_ARGUMENTS:
        raise RequestError(f"args may have {_MAX_ARGUMENTS} entries, and has {len(arguments)}")
    for index, argument in enumerate(arguments):
        if b"\0" in encode_text(argument, f"args[{index}]"):
            raise RequestError(f"args[{index}] holds a NUL, which no argument can hold")
    return Request(
        language, encode_text(code, "code"), arguments, read_references(body.get("files"))
    )


def make_job(
    request: Request, inputs: Sequence[Input], runtimes: Runtimes, settings: Settings
) -> Job:
    """Make the job of a request.

    Raises:
        LanguageUnavailable: nothing that is installed serves its language.
    """
    environment = find_environment(request.language, runtimes, settings)
    data = [each.file for each in inputs]
    name = file_name(request.language, environment.target.language)
    program = File(free_name(name, [file.name for file in data]), request.code)
    return build_job(
        environment.target,
        settings,
        [program, *data],
        code={program.name},
        arguments=request.arguments,
        environment=environment.variables,
        effective=environment.limits,
        output_files=PATTERNS if settings.max_output_files else (),
        workdir=WORKDIR,
    )
