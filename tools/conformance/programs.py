"""The conformance programs: what each must do, and where a language keeps its own.

Those of a language are in `images/<package>/samples/<language>/`: a file named for what it shows
with any extension, or for `modules` a folder of files, of which `main` is the one to start. Where
there is none, `incapable.yml` in that folder says in words why the language can't do it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bitrun.config.catalogue import Language, Package
from bitrun.model.job import File
from bitrun.model.result import Result

HELLO = "hello"
COMPILE_ERROR = "compile-error"
_REASONS = "incapable.yml"


@dataclass(frozen=True, slots=True)
class Task:
    """What a program is given and what it must print; `code` None stands for any failure.

    The default of `stdin` is what a Piston client gives that has nothing to give.
    """

    name: str
    stdout: str | None = None
    stdin: str = "\n"
    arguments: tuple[str, ...] = ()
    code: int | None = 0

    def complaint(self, result: Result) -> str | None:
        """Say what a run did wrong, or None."""
        last = result.last
        if last.verdict.outcome.is_limit or last.verdict.oom_killed:
            return f"{last.name} ends by a limit: {last.verdict.outcome}"
        if self.name == COMPILE_ERROR:
            return _refused(result)
        if last.name != "run":
            return f"does not compile: {_shown(last.output)}"
        return _failed(result) if self.code is None else self._deviation(result)

    def _deviation(self, result: Result) -> str | None:
        last = result.last
        if last.verdict.shell_code != self.code:
            return f"exits with {last.verdict.shell_code}: {_shown(last.output)}"
        printed = last.stdout.decode(errors="replace")
        if self.stdout is None or printed.rstrip("\n") == self.stdout.rstrip("\n"):
            return None
        return f"prints {_shown(last.output)}"


TASKS = (
    Task(HELLO, "Hello, World!\n"),
    Task("stdin", "one line\n", stdin="one line\n"),
    Task("args", "one\ntwo words\n", arguments=("one", "two words")),
    Task("exit", code=3),
    Task("error", code=None),
    Task("modules", "Hello, module!\n"),
    Task(COMPILE_ERROR),
    Task("utf8", "Größe 日本\nüñí → 世界\n", stdin="üñí → 世界\n"),
)


@dataclass(frozen=True, slots=True)
class Program:
    task: Task
    files: tuple[File, ...]


def folder(images: Path, package: Package, language: Language) -> Path:
    return images / package.id / "samples" / language.name


def find(place: Path) -> tuple[Program, ...]:
    """Return the programs in a language's folder, in the order of the tasks."""
    return tuple(Program(task, files) for task in TASKS if (files := tuple(_files(place, task))))


def incapable(place: Path) -> dict[str, str]:
    """Return why a language lacks some of the programs, by the task's name."""
    reasons = place / _REASONS
    return yaml.safe_load(reasons.read_text(encoding="utf-8")) if reasons.exists() else {}


def missing(place: Path, language: Language) -> list[str]:
    """Name the tasks with neither a program nor a reason, and the reasons beside a program."""
    needed = {task.name for task in TASKS if language.compile or task.name != COMPILE_ERROR}
    told = [program.task.name for program in find(place)] + list(incapable(place))
    return sorted(name for name in needed.union(told) if told.count(name) != (name in needed))


def _files(place: Path, task: Task) -> Iterator[File]:
    several = place / task.name
    if several.is_dir():
        for path in sorted(several.iterdir(), key=lambda it: (it.stem.lower() != "main", it)):
            yield File(path.name, path.read_bytes())
    for path in place.glob(f"{task.name}.*"):
        # Some languages take a file's name for that of a function, and have one called so.
        yield File(f"main{path.suffix}", path.read_bytes())


def _refused(result: Result) -> str | None:
    last = result.last
    if last.name == "compile" and last.verdict.code and last.output.strip():
        return None
    return f"is not refused by the compiler: {_shown(last.output)}"


def _failed(result: Result) -> str | None:
    last = result.last
    if not last.verdict.failed:
        return f"does not fail: {_shown(last.output)}"
    return None if last.stderr.strip() else f"says nothing on stderr: {_shown(last.output)}"


def _shown(output: bytes) -> str:
    return repr(output.decode(errors="replace")[-300:])
