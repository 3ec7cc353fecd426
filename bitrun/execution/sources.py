"""Which files of a job its commands are given."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bitrun.config.catalogue import Language


@dataclass(frozen=True, slots=True)
class Sources:
    """Names for the commands of a language.

    `compiled` are the files for the compile command, `main` is the one for the run command, if
    there is any. `renamed` maps names as sent to the names that the files must get.
    """

    main: tuple[str, ...]
    compiled: tuple[str, ...]
    renamed: Mapping[str, str]


def choose_sources(
    language: Language, names: Sequence[str], taken: Collection[str] = ()
) -> Sources:
    """Choose among the names of a job's code files, the first of which is the main one.

    Where the tools insist on an ending, only files that have it are compiled, so that a header is
    not. If none has it, the main file gets it, and no name that is `taken`.
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
