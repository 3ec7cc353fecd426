"""The conformance programs: the tasks, and the programs of each language.

The programs of a language are in `images/<package>/samples/<language>/`: a file named for its
task, with any extension, or for `modules` a folder of files, started by its `main`. If a language
can't do a task, `incapable.yml` in that folder has the reason instead.
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
    """Input and expected result of a program; `code` None expects any failure.

    The default of `stdin` is that of Piston's clients. An `optional` task needs no reason where it
    has no program. With a `prompt` the program runs on a terminal, and `stdin` is what is typed
    after it.
    """

    name: str
    stdout: str | None = None
    stdin: str = "\n"
    arguments: tuple[str, ...] = ()
    code: int | None = 0
    optional: bool = False
    prompt: str = ""

    def complaint(self, result: Result) -> str | None:
        """Return how the result of a run differs from the expected one, or None."""
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
    Task("localhost", "Hello, localhost!\n", optional=True),
    Task("user", "user /tmp\n", optional=True),
    Task("library", "42\n", optional=True),
    Task("terminal", "name? Ada\nHello, Ada!\n", stdin="Ada\r", prompt="name? ", optional=True),
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
    """Return the reasons for missing programs, by the task's name."""
    reasons = place / _REASONS
    return yaml.safe_load(reasons.read_text(encoding="utf-8")) if reasons.exists() else {}


def missing(place: Path, language: Language) -> list[str]:
    """Return the tasks with neither a program nor a reason, and those with both or not needed."""
    needed = {
        task.name
        for task in TASKS
        if not task.optional and (language.compile or task.name != COMPILE_ERROR)
    }
    present = [program.task.name for program in find(place)] + list(incapable(place))
    allowed = needed | {task.name for task in TASKS if task.optional}
    return sorted(
        name for name in needed.union(present) if present.count(name) != (name in allowed)
    )


def _files(place: Path, task: Task) -> Iterator[File]:
    several = place / task.name
    if several.is_dir():
        for path in sorted(several.iterdir(), key=lambda it: (it.stem.lower() != "main", it)):
            yield File(path.name, path.read_bytes())
    for path in place.glob(f"{task.name}.*"):
        # Not under the task's name: some languages derive a function's name from the file's, which
        # may be one of the language's own.
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
