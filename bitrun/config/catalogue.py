"""The catalogue: `languages.yml` as validated, immutable data."""

import itertools
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bitrun.config.problems import describe, reason
from bitrun.config.settings import MIN_MEMORY, MIN_STACK

IMAGE_PREFIX = "bitrun/"
EGRESS = "egress"  # the folder of the proxy's image
EGRESS_IMAGE = f"{IMAGE_PREFIX}{EGRESS}:unsealed"
_RESERVED = ("debian", "base", "supervisor", "allowed", EGRESS)

# A command with any of these needs a shell.
_SHELL_SYNTAX = re.compile(r"[$&|;<>*?`~#(){}\[\]\\!]|^\w+=")
_PLACEHOLDER = re.compile("%[s1o]")
_SIGNS = ("-", "@")  # tools take -name for an option, compilers @name for more arguments in a file
OUTPUT = "%o"
DEFAULT_OUTPUT = "main"


def _quotes_close(command: str) -> str:
    shlex.split(command)
    return command


def _pattern_compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern} is no regular expression: {error}") from error
    return pattern


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._+#-]*$", max_length=64)]
Alias = Annotated[str, StringConstraints(pattern=r"^\S+$", max_length=64)]
Extension = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+]{1,12}$")]
Command = Annotated[str, StringConstraints(min_length=1), AfterValidator(_quotes_close)]
Pattern = Annotated[str, AfterValidator(_pattern_compiles)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

Count = Annotated[int, Field(ge=1)]
Millis = Annotated[int, Field(ge=1, le=3_600_000)]
Memory = Annotated[int, Field(ge=MIN_MEMORY)]
Stack = Annotated[int, Field(ge=MIN_STACK)]


# libyaml's loader takes a tenth of the time, and PyYAML need not be built with it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogueError(Exception):
    """The catalogue is invalid; the text names the file, the key and the problem."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitOverrides(_Entry):
    """Limits of a language that differ from the settings: milliseconds, bytes, counts."""

    compile_timeout: Millis | None = None
    run_timeout: Millis | None = None
    compile_cpu_time: Millis | None = None
    run_cpu_time: Millis | None = None
    compile_memory_limit: Memory | None = None
    run_memory_limit: Memory | None = None
    output_limit: Count | None = None
    stack_limit: Stack | None = None
    max_processes: Count | None = None
    max_open_files: Count | None = None
    max_file_size: Count | None = None


class KernelSpec(_Entry):
    """A Jupyter kernel of a package: `command` starts its driver, `language` is what it speaks."""

    name: Name
    display_name: str
    language: str
    command: Command


class Language(_Entry):
    """One language of a package: how its files are recognized, compiled and run."""

    name: Name
    aliases: tuple[Alias, ...] = ()
    extensions: tuple[Extension, ...] = ()
    suffix: Extension | None = None
    compile: Command | None = None
    compile_args: Pattern | None = None
    run: Command
    binary: bool = False
    format: str = "text/plain"
    env: Mapping[VariableName, str] = Field(default_factory=dict)
    unbuffered: Mapping[VariableName, str] = Field(default_factory=dict)
    limits: LimitOverrides = LimitOverrides()
    i386: bool = False
    ptys: bool = False
    network: bool = False
    reuse: bool = True
    kernels: tuple[KernelSpec, ...] = ()

    @model_validator(mode="after")
    def _compiled(self) -> Self:
        if self.compile_args is not None and self.compile is None:
            raise ValueError("compile_args without a compile command")
        return self

    @property
    def command(self) -> str:
        """The compile and run commands in one shell command, with `%s` for the file."""
        command = f"{self.compile} && {self.run}" if self.compile else self.run
        return command.replace(OUTPUT, DEFAULT_OUTPUT)


class Package(_Entry):
    """One image and the languages it provides."""

    name: Name
    version: str
    version_command: Command
    build: Name | None = None
    pull: str | None = None
    libraries: tuple[str, ...] = ()
    languages: tuple[Language, ...] = Field(min_length=1)

    @property
    def id(self) -> str:
        """Unique name: packages with one name and different versions have different ids."""
        return self.build or self.name

    @property
    def image(self) -> str:
        """Name of its image on the engine."""
        return IMAGE_PREFIX + self.id

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.build is None) == (self.pull is None):
            raise ValueError("exactly one of build and pull is required")
        if self.id in _RESERVED:
            raise ValueError(f"{self.image} is the name of an image that all packages are built on")
        if self.pull is not None and self.pull.removesuffix(":latest") == self.image:
            raise ValueError(f"pull is {self.image}, which is the name of the package's own image")
        return self


class Catalogue(_Entry):
    """All packages, in the order of the file."""

    packages: tuple[Package, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        _reject_duplicates("package", (f"{it.name} {it.version}" for it in self.packages))
        _reject_duplicates("image", (package.image for package in self.packages))
        _reject_duplicates(
            "extension",
            (extension for _, language in self.languages() for extension in language.extensions),
        )
        return self

    def languages(self) -> Iterator[tuple[Package, Language]]:
        for package in self.packages:
            for language in package.languages:
                yield package, language

    def by_extension(self, extension: str) -> tuple[Package, Language] | None:
        """Find the language of a file extension, given without its dot.

        The extension is looked up as given first, since `.C` is C++ and `.c` is C; then in lower
        case.
        """
        for spelling in (extension, extension.lower()):
            for package, language in self.languages():
                if spelling in language.extensions:
                    return package, language
        return None

    def package(self, package_id: str) -> Package | None:
        return next((package for package in self.packages if package.id == package_id), None)


def _reject_duplicates(kind: str, names: Iterable[str]) -> None:
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise ValueError(f"{kind} is not unique: {', '.join(duplicates)}")


def load(path: Path) -> Catalogue:
    """Read and validate a catalogue.

    Raises:
        CatalogueError: it is missing, is not YAML, or has an invalid entry.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  both are safe
        return Catalogue.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{path}: {'.'.join(map(str, problem['loc'])) or 'packages'}: {describe(problem)}"
            for problem in error.errors(include_url=False)
        ]
        raise CatalogueError("\n".join(problems)) from error
    except OSError as error:
        raise CatalogueError(f"The catalogue {path} can't be read: {reason(error)}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def argv(
    template: str,
    names: Iterable[str] = (),
    arguments: Iterable[str] = (),
    output: str = DEFAULT_OUTPUT,
) -> tuple[str, ...]:
    """Turn a command of the catalogue into an argument vector.

    `names` replace `%s`, the first of them `%1`, and `output` replaces `%o`. `arguments` are
    appended, or replace `"$@"` in a shell command. A shell is used only for commands with shell
    syntax.
    """
    words = _plain_words(template)
    if words is not None:
        safe = [f"./{name}" if name.startswith(_SIGNS) else name for name in names]
        filled = (safe if word == "%s" else [_replaced(word, safe, output)] for word in words)
        return (*itertools.chain.from_iterable(filled), *arguments)
    command = fill(template, names, output)
    if "$@" not in template:
        command += ' "$@"'
    return ("sh", "-c", command, "sh", *arguments)


def fill(template: str, names: Iterable[str], output: str = DEFAULT_OUTPUT) -> str:
    """Replace the placeholders of a command, with names quoted for a shell."""
    safe = [shlex.quote(f"./{name}" if name.startswith(_SIGNS) else name) for name in names]
    return _replaced(template, safe, output)


def _replaced(text: str, names: Sequence[str], output: str) -> str:
    replacements = {"%s": " ".join(names), "%1": "".join(names[:1]), OUTPUT: output}
    return _PLACEHOLDER.sub(lambda found: replacements[found[0]], text)


@cache  # a template is one of the catalogue's; to split it takes as long as to fill it five times
def _plain_words(template: str) -> tuple[str, ...] | None:
    """Split a command into words; None if it needs a shell."""
    return None if _SHELL_SYNTAX.search(template) else tuple(shlex.split(template))
