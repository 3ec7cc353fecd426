"""From a language and its files to the stages of a job, the same for every dialect."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrun.config import catalogue
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.model.job import BoxLimits, Limits, Stage, StageName

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


@dataclass(frozen=True, slots=True)
class Sources:
    """Which files a language's commands are given.

    `compiled` are the files that the compile command gets, `main` is the one that the run command
    gets; `renamed` says which files must get another name for it.
    """

    main: tuple[str, ...]
    compiled: tuple[str, ...]
    renamed: Mapping[str, str]


def sources(language: Language, names: Sequence[str], taken: Collection[str] = ()) -> Sources:
    """Choose among the names of a job's code files, the first of which is the main one.

    Where the tools insist on an ending, files that have it are compiled, so that a header is not;
    if none has it, the main file gets it, in a way that gives it no name that is `taken`.
    """
    if language.suffix is None or not names:
        return Sources(tuple(names[:1]), tuple(names), {})
    endings = tuple(f".{ending}" for ending in {language.suffix, *language.extensions})
    fitting = tuple(name for name in names if name.endswith(endings))
    if fitting:
        return Sources(fitting[:1], fitting, {})
    main = f"{names[0]}.{language.suffix}"
    while main in taken:
        main = f"{main}.{language.suffix}"
    return Sources((main,), (main,), {names[0]: main})


def stages(
    language: Language,
    files: Sources,
    limits: Mapping[StageName, Limits],
    variables: Mapping[str, str],
    *,
    arguments: Iterable[str] = (),
    stdin: bytes = b"",
    merge: bool = False,
) -> tuple[Stage, ...]:
    """Compile, if the language does, then run.

    `arguments` follow the run command.
    """
    run = Stage(
        name="run",
        argv=catalogue.argv(language.run, files.main, arguments),
        env=variables,
        limits=limits["run"],
        stdin=stdin,
        merge=merge,
    )
    if language.compile is None:
        return (run,)
    compilation = Stage(
        name="compile",
        argv=catalogue.argv(language.compile, files.compiled),
        env=variables,
        limits=limits["compile"],
        merge=merge,
    )
    return (compilation, run)


def setting(language: Language, settings: Settings, name: str) -> Any:
    """Return a limit: the language's own where it has one, else the configured default."""
    own = getattr(language.limits, name)
    return getattr(settings, name) if own is None else own


def longest_session(language: Language, settings: Settings) -> int:
    """Return the milliseconds that a program may be given while somebody types for it."""
    usual: int = setting(language, settings, "run_timeout")
    return max(settings.session_timeout, usual)


def first_stage(language: Language) -> StageName:
    return "run" if language.compile is None else "compile"


def box_limits(language: Language, settings: Settings) -> BoxLimits:
    return BoxLimits(
        memory=setting(language, settings, f"{first_stage(language)}_memory_limit"),
        processes=setting(language, settings, "max_processes"),
        open_files=setting(language, settings, "max_open_files"),
        file_size=setting(language, settings, "max_file_size"),
        i386=language.i386,
        network=language.network,
    )
