"""Which files of a job its commands are given, and the names that files and outputs get."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bitrun.config.catalogue import DEFAULT_OUTPUT, OUTPUT, Language

NAMELESS = "code"  # the ending of a file that was sent without a name

_WRITTEN = re.compile(rf"[\w.]*{OUTPUT}[\w.]*")


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
    not. An ending in capitals becomes small. Nameless files get the ending, and the first file, if
    it has none at all or if no other fits. Without a compiler, only the main file gets another
    name: programs find the others by their names. No new name is `taken`.
    """
    if language.suffix is None or not names:
        return Sources(tuple(names[:1]), tuple(names), {})
    wanted = {name: new for name in names if (new := _fit(name, language, name == names[0]))}
    if not wanted:
        wanted = {names[0]: f"{names[0]}.{language.suffix}"}
    if language.compile is None:
        wanted = dict([*wanted.items()][:1])
    renamed: dict[str, str] = {}
    for name, new in wanted.items():
        if new != name:
            renamed[name] = _free(new, language.suffix, {*taken, *renamed.values()})
    fitting = tuple(renamed.get(name, name) for name in wanted)
    return Sources(fitting[:1], fitting, renamed)


def choose_output(language: Language, names: Iterable[str]) -> str:
    """Choose a name for the output of the compiler, which no file or folder among `names` has.

    The commands may make several names of it, such as `main.a`.
    """
    written = set(_WRITTEN.findall(f"{language.compile} {language.run}"))
    taken = occupied(names)
    output = DEFAULT_OUTPUT
    while any(each.replace(OUTPUT, output) in taken for each in written):
        output += "_"
    return output


def program_name(language: Language, ending: str = NAMELESS) -> str:
    """Return a name for a program that was sent without one; `ending` if the language has none."""
    return f"main.{language.suffix or next(iter(language.extensions), ending)}"


def unused_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with as many `_` before it as it takes not to be `taken`."""
    while name in taken:
        name = f"_{name}"
    return name


def occupied(names: Iterable[str]) -> set[str]:
    """Return the names of files and of the folders that they are in."""
    found: set[str] = set()
    for name in names:
        while name and name not in found:
            found.add(name)
            name = name.rpartition("/")[0]  # noqa: PLW2901  the folder that it is in
    return found


def _fit(name: str, language: Language, is_first: bool) -> str | None:
    """Return the name with an ending of the language; None if the file is something else."""
    endings = {language.suffix, *language.extensions}
    stem, dot, ending = name.rpartition(".")
    if not dot or "/" in ending or stem.endswith("/") or not stem:
        return f"{name}.{language.suffix}" if is_first else None
    if ending in endings:
        return name
    if ending.lower() in endings:
        return f"{stem}.{ending.lower()}"
    return f"{stem}.{language.suffix}" if ending == NAMELESS else None


def _free(name: str, suffix: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"{name}.{suffix}"
    return name
