"""Body of `execute/batch` to a batch: that of `execute`, with runs and how they are judged."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bitrun.api.piston import output_files
from bitrun.api.piston.files import check_contents, read_files
from bitrun.api.piston.limits import FIELDS as LIMIT_FIELDS
from bitrun.api.piston.request import FIELDS as PROGRAM_FIELDS
from bitrun.api.piston.request import (
    add_unknown_of_files,
    find_unknown,
    make_job,
    read_flag,
    read_options,
    read_program,
    read_text,
)
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job, output_request
from bitrun.execution.judging import judge_program
from bitrun.execution.judging.batch import Batch, Case
from bitrun.execution.judging.comparison import DEFAULT_TOLERANCE, Comparator, Comparison
from bitrun.execution.limits import language_limits
from bitrun.model.errors import RequestError
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import ANY_VERSION, Runtime, Runtimes

_JUDGES = ("checker", "interactor")

FIELDS = PROGRAM_FIELDS | {"runs", "compare", "tolerance", "stop_on_failure", *_JUDGES}
_OWN_FIELDS = {"stdin", "args"} | {name for name in LIMIT_FIELDS if name.startswith("run_")}
RUN_FIELDS = _OWN_FIELDS | {"files", "expected_output", output_files.FIELD}
JUDGE_FIELDS = {"language", "version", "files"}


def read_batch(
    body: Mapping[str, Any], runtimes: Runtimes, settings: Settings
) -> tuple[Runtime, Batch]:
    """Check a request and make its batch.

    A run has the fields of the whole request but for those that it sets itself. Its files are data,
    which are there when the program runs, and not when it is compiled.

    Raises:
        RequestError: it can't be carried out; an error of one run names its index. No client of
            others has fields of its own here, so an unknown one is an error, too.
    """
    _refuse_unknown(body)
    runtime, entries = read_program(body, runtimes, settings)
    runs = _runs(body.get("runs"), settings.max_batch_runs)
    reader = _CaseReader(body, runtime, entries, settings)
    cases = []
    for index, run in enumerate(runs):
        with _named(f"runs[{index}]"):
            cases.append(reader.read(run))
    judges = {name: _judge(body.get(name), name, runtimes, settings) for name in _JUDGES}
    if all(judges.values()):
        raise RequestError("checker and interactor exclude each other: send one of them")
    if judges["interactor"] and any(case.job.output_files for case in cases):
        raise RequestError(
            f"{output_files.FIELD} is not possible with an interactor: leave out one of them"
        )
    return runtime, Batch(
        cases,
        _comparator(body),
        stop_on_failure=read_flag(body, "stop_on_failure"),
        **judges,
    )


class _CaseReader:
    """Reads runs. What a run does not set is not copied, but shared with all others.

    Hundreds of them may have a file of megabytes in common, or thousands of arguments.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        runtime: Runtime,
        entries: list[dict[str, Any]],
        settings: Settings,
    ) -> None:
        self._runtime = runtime
        self._settings = settings
        self._options = read_options(body, runtime, settings)
        self._job = make_job(runtime, read_files(entries), self._options, settings)
        self._limits = language_limits(runtime.language, settings).stages["run"]

    def read(self, run: Mapping[str, Any]) -> Case:
        fields = {name: value for name, value in run.items() if name in _OWN_FIELDS}
        own = read_options(fields, self._runtime, self._settings)
        *earlier, stage = self._job.stages
        stage = dataclasses.replace(
            stage,
            limits=self._limits.merged(own.limits["run"].or_else(self._options.limits["run"])),
            files=_data(run.get("files"), self._settings),
        )
        if run.get("stdin") is not None:
            stage = dataclasses.replace(stage, stdin=own.stdin)
        if run.get("args") is not None:
            command = stage.argv[: len(stage.argv) - len(self._options.arguments)]
            stage = dataclasses.replace(stage, argv=(*command, *own.arguments))
        job = dataclasses.replace(self._job, stages=(*earlier, stage))
        if run.get(output_files.FIELD) is not None:
            patterns = output_files.read_patterns(run[output_files.FIELD])
            job = dataclasses.replace(job, output_files=output_request(patterns, self._settings))
        return Case(job, read_text(run, "expected_output"))


def _refuse_unknown(body: Mapping[str, Any]) -> None:
    unknown = find_unknown(body, FIELDS)
    runs = body.get("runs")
    parts: list[tuple[str, Any, set[str]]] = [
        (name, body.get(name), JUDGE_FIELDS) for name in _JUDGES
    ]
    parts += [
        (f"runs[{index}]", run, RUN_FIELDS)
        for index, run in enumerate(runs if isinstance(runs, list) else ())
    ]
    for place, part, known in parts:
        if isinstance(part, dict):
            unknown.add(part, known, f"{place}.")
            add_unknown_of_files(unknown, part.get("files"), f"{place}.")
    unknown.refuse()


def _runs(value: Any, maximum: int) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise RequestError("runs is required as an array of at least one object")
    if len(value) > maximum:
        raise RequestError(f"runs may have {maximum} entries at most, and has {len(value)}")
    for index, run in enumerate(value):
        if not isinstance(run, dict):
            raise RequestError(f"runs[{index}] must be an object")
    return value


def _data(value: Any, settings: Settings) -> tuple[File, ...]:
    if value is None:
        return ()
    return tuple(each.file for each in read_files(check_contents(value, settings.workdir_inodes)))


def _judge(value: Any, name: str, runtimes: Runtimes, settings: Settings) -> Job | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RequestError(f"{name} must be an object with language and files")
    with _named(name):
        runtime, entries = read_program({"version": ANY_VERSION, **value}, runtimes, settings)
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
        detail = None if error.detail is None else f"{place}: {error.detail}"
        raise RequestError(f"{place}: {error}", detail) from error
