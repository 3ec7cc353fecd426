"""Body of `execute/batch` to a batch: that of `execute`, with runs and how they are judged."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bitrun.api.piston.files import check_contents, read_files
from bitrun.api.piston.request import make_job, read_flag, read_options, read_program
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.judging import judge_program
from bitrun.execution.judging.batch import Batch, Case
from bitrun.execution.judging.comparison import DEFAULT_TOLERANCE, Comparator, Comparison
from bitrun.execution.limits import language_limits
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import Runtime, Runtimes

_JUDGES = ("checker", "interactor")


def read_batch(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings
) -> tuple[Runtime, Batch]:
    """Check a request and make its batch.

    A run has the fields of the whole request but for those that it sets itself. Its files are data,
    which are there when the program runs, and not when it is compiled.

    Raises:
        RequestError: it can't be carried out; an error of one run names its index.
    """
    runtime, entries = read_program(body, runtimes, settings)
    runs = _runs(body.get("runs"), settings.max_batch_runs)
    options = read_options(body, runtime, settings)
    shared = make_job(runtime, read_files(entries), options, settings)
    effective = language_limits(runtime.language, settings).stages["run"]
    cases = []
    for index, run in enumerate(runs):
        with _named(f"runs[{index}]"):
            # Only what the run sets is read again, and nothing that it does not set is copied:
            # hundreds of runs may share a file of megabytes, or as many arguments.
            own = read_options(
                {name: value for name, value in run.items() if _is_own(name)}, runtime, settings
            )
            stage = dataclasses.replace(
                shared.stages[-1],
                limits=effective.merged(own.limits["run"].or_else(options.limits["run"])),
                files=_data(run.get("files"), settings),
            )
            if run.get("stdin") is not None:
                stage = dataclasses.replace(stage, stdin=own.stdin)
            if run.get("args") is not None:
                command = stage.argv[: len(stage.argv) - len(options.arguments)]
                stage = dataclasses.replace(stage, argv=(*command, *own.arguments))
            job = dataclasses.replace(shared, stages=(*shared.stages[:-1], stage))
            cases.append(Case(job, _expected(run.get("expected_output"))))
    judges = {name: _judge(body.get(name), name, runtimes, settings) for name in _JUDGES}
    if all(judges.values()):
        raise RequestError("checker and interactor exclude each other: send one of them")
    return runtime, Batch(
        cases,
        _comparator(body),
        stop_on_failure=read_flag(body, "stop_on_failure"),
        **judges,
    )


def _runs(value: Any, maximum: int) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise RequestError("runs is required as an array of at least one object")
    if len(value) > maximum:
        raise RequestError(f"runs may have {maximum} entries at most, and has {len(value)}")
    for index, run in enumerate(value):
        if not isinstance(run, dict):
            raise RequestError(f"runs[{index}] must be an object")
    return value


def _is_own(name: str) -> bool:
    return name in ("stdin", "args") or name.startswith("run_")


def _data(value: Any, settings: Settings) -> tuple[File, ...]:
    if value is None:
        return ()
    return tuple(each.file for each in read_files(check_contents(value, settings.workdir_inodes)))


def _expected(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError("If specified, expected_output must be a string")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise RequestError("expected_output is no valid Unicode") from error


def _judge(value: Any, name: str, runtimes: Runtimes, settings: Settings) -> Job | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RequestError(f"{name} must be an object with language and files")
    with _named(name):
        runtime, entries = read_program({"version": "*", **value}, runtimes, settings)
        files = read_files(entries)
        return build_job(
            Target.of(runtime),
            settings,
            [each.file for each in files],
            code={each.file.name for each in files if each.is_code},
            arguments=judge_program.ARGUMENTS,
            unbuffered=name == "interactor",
        )


def _comparator(body: Mapping[str, Any]) -> Comparator:
    word = body.get("compare")
    known = [each.value for each in Comparison]
    if word is not None and word not in known:
        raise RequestError(f"If specified, compare must be one of {', '.join(known)}")
    tolerance = body.get("tolerance")
    if tolerance is None:
        tolerance = DEFAULT_TOLERANCE
    if (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, int | float)
        or not 0 <= tolerance < math.inf
    ):
        raise RequestError("If specified, tolerance must be a number from 0 on")
    return Comparator(Comparison(word or Comparison.LINES), float(tolerance))


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Let refusals say in which part of the request their fields are."""
    try:
        yield
    except RequestError as error:
        raise RequestError(f"{place}: {error}") from error
