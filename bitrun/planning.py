"""From a language and its files to the stages of a job, the same for every dialect."""

from collections.abc import Iterable, Mapping, Sequence

from bitrun import catalogue
from bitrun.catalogue import Language
from bitrun.jobs import Limits, Stage

# All that a program sees of the world by default; nothing of the service's own environment.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108  the container's own
    "LANG": "C.UTF-8",
}


def stages(
    language: Language,
    sources: Sequence[str],
    run_limits: Limits,
    *,
    compile_limits: Limits | None = None,
    arguments: Iterable[str] = (),
    variables: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    merge: bool = False,
) -> tuple[Stage, ...]:
    """Compile, if the language does, then run.

    The compile command gets all of `sources`, the run command the first one and `arguments`.
    """
    environment = program_environment(language, variables)
    run = Stage(
        name="run",
        argv=catalogue.argv(language.run, sources[:1], arguments),
        env=environment,
        limits=run_limits,
        stdin=stdin,
        merge=merge,
    )
    if language.compile is None:
        return (run,)
    compilation = Stage(
        name="compile",
        argv=catalogue.argv(language.compile, sources),
        env=environment,
        limits=compile_limits or run_limits,
        merge=merge,
    )
    return (compilation, run)


def program_environment(
    language: Language, variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    return _ENVIRONMENT | dict(language.env) | dict(variables or {})
