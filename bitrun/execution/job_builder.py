"""The one way to make a `Job`, for every dialect, the checks of `bitrun doctor` and the tools."""

import codecs
import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from bitrun.config import catalogue
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.limits import LanguageLimits, RequestedLimits, language_limits, output_limits
from bitrun.execution.sources import Sources, choose_output, choose_sources, occupied
from bitrun.model.errors import RequestError
from bitrun.model.job import STAGES, WORKDIR, File, Job, Stage, StageName, TerminalSize
from bitrun.model.output_files import OutputRequest
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.supervisor.collection import check_patterns

# All that a program sees of the world by default; nothing of the service's own environment.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108  the container's own
    "USER": "user",  # as in the box's list of users, images/supervisor/etc.c
    "LOGNAME": "user",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}

_ON_TERMINAL = {"TERM": "xterm-256color"}

# C's stdio buffers a pipe in blocks. The library, which sealing adds to every image, has it buffer
# lines. AddressSanitizer refuses any library that is loaded before its own, unless it is told not
# to look.
_LINE_BUFFERED = {
    "LD_PRELOAD": "/bitrun/preload/line_buffered.so",
    "ASAN_OPTIONS": "verify_asan_link_order=0",
}

_NO_LIMITS = RequestedLimits()

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A language and the image that it runs in, which may be another than its package's.

    `package` is the name of the image for clients, log and metrics, `image` its name for the
    engine. `version` is empty where it is not known.
    """

    language: Language
    package: str
    image: str
    version: str

    @classmethod
    def of(cls, runtime: Runtime) -> Self:
        return cls(runtime.language, runtime.package.id, runtime.image, runtime.version)


def build_job(
    target: Target,
    settings: Settings,
    files: Sequence[File] = (),
    *,
    code: Collection[str] | None = None,
    command: str | Sequence[str] | None = None,
    arguments: Iterable[str] = (),
    compile_arguments: Iterable[str] = (),
    stdin: bytes = b"",
    merge: bool = False,
    environment: Mapping[str, str] | None = None,
    limits: Mapping[StageName, RequestedLimits] | None = None,
    effective: LanguageLimits | None = None,
    wall_ms: int | None = None,
    fresh: bool = False,
    tty: TerminalSize | None = None,
    unbuffered: bool = False,
    output_files: Sequence[str] = (),
    workdir: str = WORKDIR,
) -> Job:
    """Build a job: compile, if the language does, then run.

    Args:
        target: the language, and the image to run in.
        settings: the defaults of all limits.
        files: the first of those in `code` is the main one. Where the tools of the language insist
            on an ending, the job's file may have another name.
        code: names of the files that are compiled or run; None for all of them.
        command: replaces those of the language: a shell command, or its arguments. No file is
            renamed.
        arguments: follow the run command of the language.
        compile_arguments: follow its compile command.
        stdin: what the run stage reads.
        merge: sends stderr to stdout, which keeps their order exact.
        environment: variables besides those of the box and of the language.
        limits: of each stage; what is missing is the effective limit of the language.
        effective: the language's limits, if the caller has computed them before.
        wall_ms: limits all stages together.
        fresh: never runs in a box that was started before the request, nor is the box used again.
        tty: the run stage has a terminal of that size, and no pipes.
        unbuffered: output of the run stage comes at each line's end, and before input is read, as
            far as the language's own environment can have it so. Without effect on a terminal.
        output_files: patterns of the files to collect after the last stage.
        workdir: absolute path of the work directory.

    Raises:
        RequestError: a pattern of files can't be used, or none are sent here.
    """
    language = target.language
    effective = effective or language_limits(language, settings)
    requested = limits or {}
    merged = {
        stage: effective.stages[stage].merged(requested.get(stage, _NO_LIMITS)) for stage in STAGES
    }
    given = dict(environment or {})
    variables = _ENVIRONMENT | dict(language.env) | given
    run_variables = variables | _streams(language, tty, unbuffered) | given
    compilation: tuple[str, ...] = ()
    if command is not None:
        argv: tuple[str, ...] = ("sh", "-c", command) if isinstance(command, str) else (*command,)
    else:
        names = [file.name for file in files]
        sources = choose_sources(
            language,
            names if code is None else [name for name in names if name in code],
            taken=occupied(names),
        )
        files = [_prepared(file, language, sources) for file in files]
        output = choose_output(language, [file.name for file in files])
        argv = catalogue.argv(language.run, sources.main, arguments, output)
        if language.compile is not None:
            compilation = catalogue.argv(
                language.compile, sources.compiled, compile_arguments, output
            )
    stages = [Stage("run", argv, run_variables, merged["run"], stdin, merge, tty=tty)]
    if compilation:
        stages.insert(0, Stage("compile", compilation, variables, merged["compile"], merge=merge))
    return Job(
        package=target.package,
        image=target.image,
        files=tuple(files),
        stages=tuple(stages),
        limits=dataclasses.replace(effective.box, workdir=workdir),
        wall_ms=wall_ms,
        fresh=fresh,
        # With a network the kernel's counters of it move, and so no reset can be proven.
        reuse=language.reuse and not language.network,
        output_files=output_request(output_files, settings),
        language=language.name,
        version=target.version,
    )


def is_variable_name(name: str) -> bool:
    """Whether a request may set a variable of this name; their number and size count later.

    Any: they are those of the program and of its compiler only, which no limit relies on.
    """
    return _VARIABLE.fullmatch(name) is not None


def output_request(patterns: Sequence[str], settings: Settings) -> OutputRequest | None:
    """Make the request for files of these patterns; None without any.

    Raises:
        RequestError: a pattern can't be used, or the service sends no files.
    """
    if not patterns:
        return None
    if settings.max_output_files == 0:
        raise RequestError("This service sends no files: its BITRUN_MAX_OUTPUT_FILES is 0")
    check_patterns(patterns)
    return OutputRequest(tuple(patterns), output_limits(settings))


def _prepared(file: File, language: Language, sources: Sources) -> File:
    name = sources.renamed.get(file.name, file.name)
    if language.binary or name not in sources.main or not isinstance(file.content, bytes):
        return dataclasses.replace(file, name=name)
    # A form of HTML ends each line with CRLF, and editors of Windows may begin a file with a byte
    # order mark. Some languages take both, others neither: for bash the CR belongs to the command.
    content = file.content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
    return File(name, content)


def _streams(language: Language, tty: TerminalSize | None, unbuffered: bool) -> dict[str, str]:
    """Return the variables of a run stage that its streams need."""
    if tty is not None:
        return _ON_TERMINAL
    if not unbuffered:
        return {}
    # The library is none for 32-bit programs, and the loader would say so on their stderr.
    common = {} if language.i386 else _LINE_BUFFERED
    return common | dict(language.unbuffered)
