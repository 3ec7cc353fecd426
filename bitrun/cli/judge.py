"""`bitrun judge`: judges a program by the cases of a problem."""

import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bitrun.cli import exits
from bitrun.cli.cases import NamedCase, in_requests, read_cases
from bitrun.cli.options import (
    DEFAULT_URL,
    AddedFiles,
    Json,
    Language,
    Memory,
    Timeout,
    Token,
    Url,
    Version,
)
from bitrun.cli.output import print_json, print_table, printable
from bitrun.cli.program_files import find_language, read_files
from bitrun.client import BatchOptions, BatchResult, Client, Compare, Judged, JudgeProgram, Reason

_REJECTED = 1
_HEADINGS = ("CASE", "VERDICT", "WALL", "CPU", "MEMORY", "MESSAGE")
_BY_WORDS = (Reason.OK, Reason.WRONG)  # a checker or an interactor says why
_JUDGE_FAILED = (Reason.CHECKER, Reason.INTERACTOR)
_MEBIBYTE = 1024 * 1024
_MAX_MESSAGE = 100  # characters


def register(app: typer.Typer) -> None:
    @app.command()
    def judge(  # noqa: PLR0917  the options of the command line
        solution: Annotated[
            Path, typer.Argument(metavar="SOLUTION", help="Source file of the program.")
        ],
        cases: Annotated[
            Path,
            typer.Option(
                "--cases", metavar="DIR", exists=True, file_okay=False,
                help="Folder of the cases: 1.in, and 1.out or 1.ans.",
            ),
        ],
        language: Language = None,
        version: Version = "*",
        add: AddedFiles = None,
        timeout: Timeout = None,
        cpu_time: Annotated[
            float | None,
            typer.Option(
                "--cpu-time", min=0.001, metavar="SECONDS",
                help="Limit of CPU time of each case. Default: the service's limit.",
            ),
        ] = None,
        memory: Memory = None,
        compare: Annotated[
            Compare, typer.Option("--compare", help="Comparison of outputs.")
        ] = "lines",
        tolerance: Annotated[
            float | None,
            typer.Option("--tolerance", min=0, help="Tolerance of numbers. Default: 1e-6."),
        ] = None,
        checker: Annotated[
            list[Path] | None,
            typer.Option(
                "--checker", metavar="FILE",
                help="Program that decides instead. Can be repeated, for its other files.",
            ),
        ] = None,
        interactor: Annotated[
            list[Path] | None,
            typer.Option(
                "--interactor", metavar="FILE",
                help="Program that talks with the solution. Can be repeated, as --checker.",
            ),
        ] = None,
        stop: Annotated[
            bool, typer.Option("--stop", help="Begin no case after the first that fails.")
        ] = False,
        url: Url = DEFAULT_URL,
        token: Token = None,
        json: Json = False,
    ) -> None:  # fmt: skip
        """Judge a program by the cases of a problem.

        The exit code is 0 if all cases are accepted, and 1 if one is not.
        """
        found = read_cases(cases, need_outputs=not (checker or interactor))
        options = BatchOptions(
            version=version,
            files=read_files(solution, add or []),
            compare=compare,
            stop_on_failure=stop,
        )
        if timeout is not None:
            options["timeout"] = timeout
        if cpu_time is not None:
            options["cpu_time"] = cpu_time
        if memory is not None:
            options["memory"] = memory
        if tolerance is not None:
            options["tolerance"] = tolerance
        with Client(url, token) as client:
            if checker:
                options["checker"] = _judge_program(client, checker)
            if interactor:
                options["interactor"] = _judge_program(client, interactor)
            language = language or find_language(client, solution)
            judgements = _judge(client, language, options, found)
        if json:
            print_json([{"case": name} | dataclasses.asdict(each) for name, each in judgements])
        else:
            _print(judgements)
        if not all(each.accepted for _, each in judgements):
            raise typer.Exit(_REJECTED)


def _print(judgements: Sequence[tuple[str, Judged]]) -> None:
    if judgements[0][1].reason is Reason.COMPILE:
        return
    print_table(_HEADINGS, (_row(name, each) for name, each in judgements))
    if sys.stdout.isatty():
        accepted = sum(each.accepted for _, each in judgements)
        typer.echo(f"{accepted} of {len(judgements)} accepted")


def _judge(
    client: Client, language: str, options: BatchOptions, cases: Sequence[NamedCase]
) -> list[tuple[str, Judged]]:
    """Judge the cases, in several requests if they are many."""
    judgements: list[tuple[str, Judged]] = []
    with _progress(len(cases)) as on_judged:
        for part in in_requests(cases):
            result = client.batch(
                language, cases=[each.case for each in part], on_judged=on_judged, **options
            )
            judgements += zip((each.name for each in part), result.runs, strict=True)
            rest = _rest(result, stop=options.get("stop_on_failure", False))
            if rest is not None:
                judgements += [(each.name, rest) for each in cases[len(judgements) :]]
                break
    return judgements


def _rest(result: BatchResult, *, stop: bool) -> Judged | None:
    """Return the answer for all later cases, after a result that decides about them, too."""
    compilation = result.compilation
    if compilation is not None and not compilation.verdict.ok:
        sys.stderr.write(compilation.output)
        sentence = exits.explanation(compilation.name, compilation.verdict)
        exits.print_error(sentence or "Compiling failed")
        return result.runs[0]
    if stop and not result.accepted:
        return Judged(0, accepted=False, reason=Reason.SKIPPED)
    return None


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Judged], None]]:
    """Yield what takes each run as it ends, and counts them on a terminal."""
    done = 0
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(f"0 of {count}") as status:

        def on_judged(_: Judged) -> None:
            nonlocal done
            done += 1
            status.update(f"{done} of {count}")

        yield on_judged


def _judge_program(client: Client, files: Sequence[Path]) -> JudgeProgram:
    return JudgeProgram(find_language(client, files[0]), files=read_files(files[0], files[1:]))


def _row(name: str, judged: Judged) -> tuple[str, ...]:
    measures = ("", "", "")
    if judged.run is not None:
        verdict = judged.run.verdict
        measures = (
            f"{verdict.wall_ms} ms",
            f"{verdict.cpu_ms} ms",
            f"{verdict.memory / _MEBIBYTE:.1f} MiB",
        )
    return (name, judged.reason, *measures, _message(judged))


def _first_words(output: str) -> str:
    """Return the first line of a checker, or of Python's traceback the last: the error."""
    lines = output.strip().splitlines() or [""]
    is_traceback = lines[0].startswith(("Traceback (most recent call last)", 'File "'))
    return lines[-1 if is_traceback else 0]


def _message(judged: Judged) -> str:
    """Return what explains a verdict, in one line."""
    text = judged.message
    if text is None and judged.judge is not None and judged.reason in _BY_WORDS:
        text = _first_words(judged.judge.output)
    elif text is None and judged.judge is not None and judged.reason in _JUDGE_FAILED:
        text = judged.judge.verdict.detail
    elif text is None and judged.run is not None:
        text = judged.run.verdict.detail
    if text is None:
        return ""
    # What a program has written may hold anything, tabs and escape sequences included.
    return printable(text, " ")[:_MAX_MESSAGE]
