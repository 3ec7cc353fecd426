"""From a language and its files to the stages of a job, the same for every dialect."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bitrun import catalogue
from bitrun.catalogue import Language
from bitrun.jobs import BoxLimits, Limits, Stage, StageName
from bitrun.settings import Settings

# All that a program sees of the world by default; nothing of the service's own environment.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",  # noqa: S108  the container's own
    "LANG": "C.UTF-8",
}


def environment(language: Language, *more: Mapping[str, str]) -> dict[str, str]:
    merged = _ENVIRONMENT | dict(language.env)
    for variables in more:
        merged |= variables
    return merged


def stages(
    language: Language,
    sources: Sequence[str],
    limits: Mapping[StageName, Limits],
    variables: Mapping[str, str],
    *,
    arguments: Iterable[str] = (),
    stdin: bytes = b"",
    merge: bool = False,
) -> tuple[Stage, ...]:
    """Compile, if the language does, then run.

    The compile command gets all of `sources`, the run command the first one and `arguments`.
    """
    run = Stage(
        name="run",
        argv=catalogue.argv(language.run, sources[:1], arguments),
        env=variables,
        limits=limits["run"],
        stdin=stdin,
        merge=merge,
    )
    if language.compile is None:
        return (run,)
    compilation = Stage(
        name="compile",
        argv=catalogue.argv(language.compile, sources),
        env=variables,
        limits=limits["compile"],
        merge=merge,
    )
    return (compilation, run)


def setting(language: Language, settings: Settings, name: str) -> Any:
    """Return a limit: the language's own where it has one, else the configured default."""
    own = getattr(language.limits, name)
    return getattr(settings, name) if own is None else own


def box_limits(language: Language, settings: Settings) -> BoxLimits:
    return BoxLimits(
        processes=setting(language, settings, "max_processes"),
        open_files=setting(language, settings, "max_open_files"),
        file_size=setting(language, settings, "max_file_size"),
    )
