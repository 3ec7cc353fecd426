"""SandboxFusion's names of languages, where they are none of the catalogue."""

from dataclasses import dataclass

from bitrun.execution.sources import program_name
from bitrun.model.errors import RequestError
from bitrun.packages.runtimes import Runtime, Runtimes


@dataclass(frozen=True, slots=True)
class _Mode:
    """The languages that serve a name, of which the first that is installed does.

    `command` replaces the run command of the language, with `%s` for the file.
    """

    names: tuple[str, ...]
    command: str | None = None
    compile_arguments: tuple[str, ...] = ()


_MODES = {
    # The original has NumPy and others, and time limits of ten seconds.
    "python": _Mode(("python-science", "python")),
    "pytest": _Mode(("python-science",), "python3 -B -m pytest -p no:cacheprovider %s"),
    "nodejs": _Mode(("javascript",)),
    "D_ut": _Mode(("gdc",), compile_arguments=("-funittest",)),
}


@dataclass(frozen=True, slots=True)
class Mode:
    """How a program of a request is run."""

    runtime: Runtime
    command: str | None
    compile_arguments: tuple[str, ...]

    @property
    def words(self) -> set[str]:
        """All names of the language."""
        return {self.runtime.language.name, *self.runtime.language.aliases}

    @property
    def file(self) -> str:
        """The name of the program's file."""
        return program_name(self.runtime.language, "py")


def find_mode(name: str, runtimes: Runtimes) -> Mode:
    """Find what serves one of SandboxFusion's names; names of the catalogue are possible, too.

    Raises:
        RequestError: nothing that is installed does.
    """
    mode = _MODES.get(name, _Mode((name,)))
    runtime = runtimes.find_first(mode.names)
    if runtime is None:
        raise RequestError(runtimes.explain_missing(mode.names[0]))
    return Mode(runtime, mode.command, mode.compile_arguments)
