"""Body of a SandboxFusion `submit` to a batch, and the reply to it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrun.api.http.json_body import is_unicode, parse_json
from bitrun.api.sandboxfusion.comparison import LineComparator
from bitrun.api.sandboxfusion.completion import extract_code
from bitrun.api.sandboxfusion.languages import find_mode
from bitrun.api.sandboxfusion.reply import stages_reply
from bitrun.api.sandboxfusion.request import read_program, read_text
from bitrun.config.settings import Settings
from bitrun.execution.judging.batch import Batch, Case, JudgedBatch
from bitrun.execution.judging.judgement import Judgement, trim
from bitrun.model.errors import RequestError
from bitrun.model.job import Job
from bitrun.packages.runtimes import Runtimes

FIELDS = ("dataset", "id", "completion", "config")

_DATASET_TYPE = "CommonOJDataset"
_STREAMS = {"input": "stdin", "output": "stdout"}
_MAX_SHOWN = 1000  # characters of an input or output in the reply, of a case that has passed
_GAP = "..."


@dataclass(frozen=True, slots=True)
class Submission:
    """A program in a model's answer, and the cases that it is judged by."""

    id: int | str
    code: str
    batch: Batch
    cases: Sequence[Mapping[str, Mapping[str, str]]]
    returns_full_cases: bool


def read_submission(body: Mapping[str, Any], runtimes: Runtimes, settings: Settings) -> Submission:
    """Check a request and make its batch.

    Raises:
        RequestError: a field can't be used, or asks for a data set that the service has not.
    """
    identity = body.get("id")
    if isinstance(identity, bool) or not isinstance(identity, (int, str)):
        raise RequestError("id is required as a number or a string")
    config = body.get("config")
    if not isinstance(config, dict):
        raise RequestError("config is required as an object")
    if config.get("dataset_type") != _DATASET_TYPE:
        raise RequestError(
            f"config.dataset_type must be {_DATASET_TYPE}: the service has no data sets of its own"
        )
    if config.get("custom_extract_logic") is not None:
        raise RequestError(
            "config.custom_extract_logic is not possible: extract the code before, and send it "
            "between fences as completion"
        )
    language = read_text(config, "language", is_required=True)
    names = find_mode(language, runtimes).words | {language}
    code = extract_code(read_text(body, "completion", is_required=True), language, names)
    cases = _cases(config.get("provided_data"), settings.max_batch_runs)
    limits = {name: config.get(name) for name in ("compile_timeout", "run_timeout")}
    job = read_program({"code": code, "language": language, **limits}, runtimes, settings).job
    extra = config.get("extra")
    extra = extra if isinstance(extra, dict) else {}
    batch = Batch(
        [_case(job, case) for case in cases],
        LineComparator(),
        stop_on_failure=not extra.get("run_all_cases"),
    )
    return Submission(identity, code, batch, cases, bool(extra.get("return_full_case")))


def submission_reply(
    submission: Submission, judged: JudgedBatch, keep: Callable[[int], bool]
) -> dict[str, Any]:
    """Wait for the cases, and return them in their order, up to the first that has failed.

    Outputs are left out beyond `judgement.MAX_OUTPUT`, or once `keep` finds no memory for them.

    Raises:
        RequestError, ServiceError, Busy: a case could not be run.
    """
    judgements: dict[int, Judgement] = {}
    for index, judgement in trim(judged.judgements, keep):
        if judgement.error is not None:
            raise judgement.error
        judgements[index] = judgement
    tests = []
    for index in range(len(submission.cases)):
        tests.append(_test(submission, judged, index, judgements[index]))
        if submission.batch.stop_on_failure and not judgements[index].accepted:
            break
    return {
        "id": submission.id,
        "accepted": all(test["passed"] for test in tests),
        "extracted_code": submission.code,
        "full_code": None,
        "test_code": None,
        "tests": tests,
        "extracted_type": None,
        "extra": None,
    }


def _case(job: Job, case: Mapping[str, Mapping[str, str]]) -> Case:
    *earlier, last = job.stages
    stdin, expected = (case[side][stream].encode() for side, stream in _STREAMS.items())
    stages = (*earlier, dataclasses.replace(last, stdin=stdin))
    return Case(dataclasses.replace(job, stages=stages), expected)


def _cases(data: Any, most: int) -> list[Mapping[str, Mapping[str, str]]]:
    """Read the cases of a problem: an array, or one in JSON."""
    if not isinstance(data, dict):
        raise RequestError(
            "config.provided_data is required as an object: the service has no data sets of its own"
        )
    where = "config.provided_data.test"
    cases = data.get("test")
    if isinstance(cases, str):
        cases = parse_json(cases)
    if not isinstance(cases, list) or not cases:
        raise RequestError(f"{where} is required as an array of at least one object")
    if len(cases) > most:
        raise RequestError(f"{where} may have {most} entries at most, and has {len(cases)}")
    for index, case in enumerate(cases):
        for side, stream in _STREAMS.items():
            texts = case.get(side) if isinstance(case, dict) else None
            if not isinstance(texts, dict) or not _is_text(texts.get(stream)):
                raise RequestError(f"{where}[{index}].{side}.{stream} is required as a string")
    return cases


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and is_unicode(value)


def _test(
    submission: Submission, judged: JudgedBatch, index: int, judgement: Judgement
) -> dict[str, Any]:
    stages = [stage for stage in (judged.compilation, judgement.run) if stage is not None]
    case = submission.cases[index]
    if judgement.accepted and not submission.returns_full_cases:
        case = {side: {stream: _shortened(case[side][stream])} for side, stream in _STREAMS.items()}
    return {
        "passed": judgement.accepted,
        "exec_info": stages_reply(stages),
        "test_info": case,
    }


def _shortened(text: str) -> str:
    if len(text) <= _MAX_SHOWN:
        return text
    half = (_MAX_SHOWN - len(_GAP)) // 2
    return f"{text[:half]}{_GAP}{text[-half:]}"
