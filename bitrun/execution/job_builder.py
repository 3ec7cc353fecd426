"""The one way to make a `Job`, for every dialect, the checks of `bitrun doctor` and the tools."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from bitrun.config import catalogue
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.limits import RequestedLimits, language_limits
from bitrun.execution.sources import Sources, choose_sources
from bitrun.model.job import STAGES, File, Job, Limits, Stage, StageName
from bitrun.packages.runtimes import Runtime

# All that a program sees of the world by default; nothing of the service's own environment.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108  the container's own
    "LANG": "C.UTF-8",
}

_NO_LIMITS = RequestedLimits()


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
    command: str | None = None,
    arguments: Iterable[str] = (),
    stdin: bytes = b"",
    merge: bool = False,
    environment: Mapping[str, str] | None = None,
    limits: Mapping[StageName, RequestedLimits] | None = None,
    wall_ms: int | None = None,
    fresh: bool = False,
) -> Job:
    """Build a job: compile, if the language does, then run.

    Args:
        target: the language, and the image to run in.
        settings: the defaults of all limits.
        files: the first of those in `code` is the main one. Where the tools of the language insist
            on an ending, the job's file may have another name.
        code: names of the files that are compiled or run; None for all of them.
        command: a shell command that replaces those of the language, with no file renamed.
        arguments: follow the run command of the language.
        stdin: what the run stage reads.
        merge: sends stderr to stdout, which keeps their order exact.
        environment: variables besides those of the box and of the language.
        limits: of each stage; what is missing is the effective limit of the language.
        wall_ms: limits all stages together.
        fresh: never runs in a box that was started before the request.
    """
    language = target.language
    effective = language_limits(language, settings)
    requested = limits or {}
    merged = {
        stage: effective.stages[stage].merged(requested.get(stage, _NO_LIMITS)) for stage in STAGES
    }
    variables = _ENVIRONMENT | dict(language.env) | dict(environment or {})
    if command is not None:
        argv = ("sh", "-c", command)
        stages: tuple[Stage, ...] = (Stage("run", argv, variables, merged["run"], stdin, merge),)
    else:
        names = [file.name for file in files]
        sources = choose_sources(
            language,
            names if code is None else [name for name in names if name in code],
            taken=set(names),
        )
        files = [_renamed(file, sources) for file in files]
        stages = _stages(language, sources, merged, variables, arguments, stdin=stdin, merge=merge)
    return Job(
        package=target.package,
        image=target.image,
        files=tuple(files),
        stages=stages,
        limits=effective.box,
        wall_ms=wall_ms,
        fresh=fresh,
        language=language.name,
        version=target.version,
    )


def _renamed(file: File, sources: Sources) -> File:
    name = sources.renamed.get(file.name)
    return file if name is None else dataclasses.replace(file, name=name)


def _stages(
    language: Language,
    sources: Sources,
    limits: Mapping[StageName, Limits],
    variables: Mapping[str, str],
    arguments: Iterable[str],
    *,
    stdin: bytes,
    merge: bool,
) -> tuple[Stage, ...]:
    run = Stage(
        name="run",
        argv=catalogue.argv(language.run, sources.main, arguments),
        env=variables,
        limits=limits["run"],
        stdin=stdin,
        merge=merge,
    )
    if language.compile is None:
        return (run,)
    compilation = Stage(
        name="compile",
        argv=catalogue.argv(language.compile, sources.compiled),
        env=variables,
        limits=limits["compile"],
        merge=merge,
    )
    return (compilation, run)
