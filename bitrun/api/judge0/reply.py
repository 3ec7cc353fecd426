"""Submissions as Judge0 writes them."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bitrun.api.judge0 import limits
from bitrun.api.judge0.languages import Languages, Served
from bitrun.api.judge0.statuses import Status
from bitrun.api.judge0.submission import (
    FLAGS,
    OPTIONS,
    Submission,
    encoded,
    unpack,
)
from bitrun.config.settings import Settings
from bitrun.model.errors import RequestError
from bitrun.store.store import Record

DEFAULT_FIELDS = (
    "stdout", "time", "memory", "stderr", "token", "compile_output", "message", "status",
)  # fmt: skip
_TEXTS = ("source_code", "stdin", "expected_output")
_RESULT_TEXTS = ("stdout", "stderr", "compile_output", "message")
_SECONDS = ("cpu_time_limit", "cpu_extra_time", "wall_time_limit")
ALL_FIELDS = (
    *_TEXTS, "language_id", "status_id", *_RESULT_TEXTS, "exit_code", "exit_signal", "created_at",
    "finished_at", "time", "wall_time", "memory", "token", *limits.FIELDS, *FLAGS, *OPTIONS,
    "additional_files", "callback_url", "status", "language",
)  # fmt: skip

_ALL = "*"
# BitRun's own. Clients refuse fields that they do not know, so only who sends any gets any.
_TEST_CASES = "test_cases"


class NoText(RequestError):
    """A field is no UTF-8, and so can be read in base64 only."""

    def __init__(self, subject: str = "this submission") -> None:
        super().__init__(
            f"some attributes for {subject} cannot be converted to UTF-8, use base64_encoded=true"
            " query parameter"
        )


def read_fields(text: str | None) -> tuple[str, ...]:
    """Read the names of fields.

    Raises:
        RequestError: there are no such fields.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if _ALL in names:
        return ALL_FIELDS
    unknown = [name for name in names if name not in (*ALL_FIELDS, _TEST_CASES)]
    if unknown:
        raise RequestError(f"invalid fields: [{', '.join(unknown)}]")
    return tuple(dict.fromkeys(names)) or DEFAULT_FIELDS


class Replies:
    """Writes submissions."""

    def __init__(self, languages: Languages, settings: Settings) -> None:
        self._languages = languages
        self._settings = settings

    def status(self, record: Record, result: Mapping[str, Any] | None) -> Status:
        """Return the status of a record and its result."""
        if result is not None:
            return Status(result["status"])
        return Status.PROCESSING if record.is_taken else Status.IN_QUEUE

    def write(self, record: Record, fields: tuple[str, ...], *, is_base64: bool) -> dict[str, Any]:
        """Write fields of a submission; with all, or those by default, come its test cases.

        Raises:
            NoText: one is no UTF-8, and base64 is not wanted.
        """
        submission, result = unpack(record.content)
        if submission.test_cases and fields in (DEFAULT_FIELDS, ALL_FIELDS):
            fields = (*fields, _TEST_CASES)
        text = _in_base64 if is_base64 else _as_text
        values = _Values(self, record, submission, result or {}, text)
        return {name: values.of(name) for name in fields}

    def callback(self, record: Record) -> bytes:
        """Write the body of a callback: the fields by default, always in base64."""
        return json.dumps(self.write(record, DEFAULT_FIELDS, is_base64=True)).encode()

    def language(self, submission: Submission) -> Served | None:
        return self._languages.find(submission.language_id)

    def default(self, submission: Submission, name: str) -> float:
        """Return the value of a limit that a submission does not set."""
        served = self.language(submission)
        runtime = None if served is None else served.runtime
        language = None if runtime is None else runtime.language
        return limits.defaults(language, self._settings)[name]


class _Values:
    """The values of one submission's fields."""

    def __init__(
        self,
        replies: Replies,
        record: Record,
        submission: Submission,
        result: Mapping[str, Any],
        text: Callable[[bytes | None], str | None],
    ) -> None:
        self._replies = replies
        self.record = record
        self.submission = submission
        self._result = result
        self._text = text

    def of(self, name: str) -> Any:
        submission = self.submission
        if name in _TEXTS:
            return self._text(getattr(submission, name))
        if name in limits.FIELDS:
            value = submission.numbers.get(name, self._replies.default(submission, name))
            return str(value) if name in _SECONDS else _plain(value)
        if name in _MADE:
            return _MADE[name](self)
        return self._of_result(self._result, name)

    def status(self) -> Status:
        return self._replies.status(self.record, self._result or None)

    def language(self) -> dict[str, Any]:
        served = self._replies.language(self.submission)
        return {"id": self.submission.language_id, "name": served.name if served else None}

    def test_cases(self) -> list[dict[str, Any]] | None:
        cases = self._result.get("test_cases")
        return None if cases is None else [self._case(case) for case in cases]

    def flag(self, name: str) -> bool:
        return self.submission.flags.get(name, False)

    def option(self, name: str) -> str | None:
        return self.submission.options.get(name)

    def times(self) -> tuple[float, float | None]:
        """Return when it was created, and when it was judged."""
        return self.record.created, self._result.get("finished_at")

    def _of_result(self, result: Mapping[str, Any], name: str) -> Any:
        value = result.get(name)
        if value is None:
            return None
        if name in _RESULT_TEXTS:
            return self._text(base64.b64decode(value))
        return f"{value:.3f}" if name in ("time", "wall_time") else value

    def _case(self, case: Mapping[str, Any]) -> dict[str, Any]:
        names = ("stdout", "stderr", "message", "exit_code", "exit_signal")
        found = {name: self._of_result(case, name) for name in (*names, "time", "wall_time")}
        return found | {"memory": case["memory"], "status": Status(case["status"]).reply}


# Every other field is one of the result.
_MADE: dict[str, Callable[[_Values], Any]] = {
    "token": lambda values: values.record.key,
    "status": lambda values: values.status().reply,
    "status_id": lambda values: int(values.status()),
    "language": _Values.language,
    "language_id": lambda values: values.submission.language_id,
    "callback_url": lambda values: values.submission.callback_url,
    "additional_files": lambda values: encoded(values.submission.additional_files),
    "created_at": lambda values: _time(values.times()[0]),
    "finished_at": lambda values: _time(values.times()[1]),
    "test_cases": _Values.test_cases,
    **{name: partial(_Values.flag, name=name) for name in FLAGS},
    **{name: partial(_Values.option, name=name) for name in OPTIONS},
}


def _in_base64(content: bytes | None) -> str | None:
    return encoded(content)


def _as_text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError as error:
        raise NoText from error


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    found = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return found.replace("+00:00", "Z")
