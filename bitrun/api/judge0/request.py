"""Submissions of requests: every field is checked before one is accepted."""

import binascii
import re
import shlex
from collections.abc import Mapping
from typing import Any

from bitrun.api.http.json_body import is_unicode
from bitrun.api.judge0 import limits
from bitrun.api.judge0.archive import ArchiveRefused, check_archive
from bitrun.api.judge0.languages import MULTI_FILE, Languages, Served
from bitrun.api.judge0.submission import FLAGS, OPTIONS, TEXTS, Submission, TestCase
from bitrun.api.piston.files import decode_base64
from bitrun.callbacks.addresses import CallbackRefused
from bitrun.callbacks.callbacks import Callbacks
from bitrun.config.settings import Settings
from bitrun.model.errors import RequestError

FIELDS = (
    *TEXTS, "language_id", "additional_files", *OPTIONS, *limits.FIELDS, *FLAGS, "callback_url",
    "test_cases",
)  # fmt: skip

_BLANK = "can't be blank"
_NOT_BLANK = "must be blank"
_MAX_SHOWN = 64  # characters of what a request has sent
_FLAG_WORDS: Mapping[Any, bool] = {"true": True, "1": True, "false": False, "0": False, "": False}


class Invalid(RequestError):
    """Fields of a submission can't be used: the problems of each by its name."""

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        name, sentences = next(iter(problems.items()))
        super().__init__(f"{name} {sentences[0]}")
        self.problems = problems


class Reader:
    """Reads the submissions of requests."""

    def __init__(self, languages: Languages, callbacks: Callbacks, settings: Settings) -> None:
        self._languages = languages
        self._callbacks = callbacks
        self._settings = settings

    def read(self, body: Any, *, is_base64: bool) -> Submission:
        """Check a submission.

        Raises:
            Invalid: fields can't be used.
        """
        if not isinstance(body, dict):
            raise Invalid({"submission": ["must be an object"]})
        return _Reading(body, is_base64, self._languages, self._callbacks, self._settings).read()


class _Reading:
    """The reading of one submission, which collects the problems of all fields."""

    def __init__(
        self,
        body: Mapping[str, Any],
        is_base64: bool,
        languages: Languages,
        callbacks: Callbacks,
        settings: Settings,
    ) -> None:
        self._body = body
        self._is_base64 = is_base64
        self._languages = languages
        self._callbacks = callbacks
        self._settings = settings
        self._problems: dict[str, list[str]] = {}

    def read(self) -> Submission:
        language_id = self._language_id()
        served = None if language_id is None else self._served(language_id)
        source = self._text("source_code")
        archive = self._archive()
        if language_id == MULTI_FILE:
            if not archive:
                self._refuse("additional_files", _BLANK)
            if source:
                self._refuse("source_code", _NOT_BLANK)
        elif not source and "source_code" not in self._problems:
            self._refuse("source_code", _BLANK)
        stdin, expected = self._text("stdin"), self._text("expected_output")
        numbers = self._numbers(served)
        flags = {name: flag for name in FLAGS if (flag := self._flag(name)) is not None}
        if flags.get("enable_network"):
            self._refuse("enable_network", "this option cannot be enabled")
        options = {name: option for name in OPTIONS if (option := self._option(name))}
        self._check_compiler_options(served, options.get("compiler_options", ""))
        callback = self._callback()
        cases = self._test_cases(stdin, expected, numbers)
        if self._problems:
            raise Invalid(self._problems)
        return Submission(
            language_id or 0, source or b"", stdin, expected, archive, callback, numbers, flags,
            options, cases,
        )  # fmt: skip

    def _refuse(self, name: str, problem: str) -> None:
        self._problems.setdefault(name, []).append(problem)

    def _language_id(self) -> int | str | None:
        value = self._body.get("language_id")
        if value in (None, "") or isinstance(value, (bool, float, list, dict)):
            self._refuse("language_id", _BLANK if value in (None, "") else "is not a number")
            return None
        # The numbers of some clients are texts.
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:9])
        found: int | str = value
        return found

    def _served(self, language_id: int | str) -> Served | None:
        served = self._languages.find(language_id)
        if served is None:
            self._refuse("language_id", self._languages.explain_missing(language_id))
        return served

    def _text(self, name: str) -> bytes | None:
        return self._bytes(name, self._body.get(name), is_base64=self._is_base64)

    def _bytes(self, name: str, value: Any, *, is_base64: bool) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self._refuse(name, "must be a string")
            return None
        try:
            return decode_base64(value) if is_base64 else value.encode()
        except (ValueError, binascii.Error):
            self._refuse(name, "is no valid base64" if is_base64 else "is no valid Unicode")
            return None

    def _archive(self) -> bytes | None:
        name = "additional_files"
        data = self._bytes(name, self._body.get(name), is_base64=True)
        if not data:
            return None
        try:
            check_archive(data, self._settings)
        except ArchiveRefused as error:
            self._refuse(name, str(error))
        return data

    def _numbers(self, served: Served | None) -> dict[str, float]:
        runtime = None if served is None else served.runtime
        most = limits.maxima(None if runtime is None else runtime.language, self._settings)
        found = {}
        for name in limits.FIELDS:
            value = self._body.get(name)
            if value is None or value == "":
                continue
            if problem := limits.problem(name, value, most[name]):
                self._refuse(name, problem)
            else:
                found[name] = limits.read_number(value) or 0.0
        return found

    def _flag(self, name: str) -> bool | None:
        value = self._body.get(name)
        if value is None or isinstance(value, bool):
            return value
        found = _FLAG_WORDS.get(str(value).lower() if isinstance(value, (str, int)) else None)
        if found is None:
            self._refuse(name, "must be true or false")
        return found

    def _option(self, name: str) -> str | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self._refuse(name, "must be a string")
        elif len(value) > limits.MAX_OPTIONS:
            self._refuse(name, f"is too long (maximum is {limits.MAX_OPTIONS} characters)")
        elif "\0" in value or not is_unicode(value):
            self._refuse(name, "holds a character that no argument can hold")
        else:
            try:
                shlex.split(value)
            except ValueError:
                self._refuse(name, "has a quotation mark without its other one")
            else:
                return value
        return None

    def _check_compiler_options(self, served: Served | None, text: str) -> None:
        """Refuse what the language takes none of; without a compiler they mean nothing."""
        language = None if served is None or served.runtime is None else served.runtime.language
        if language is None or language.compile is None or "compiler_options" in self._problems:
            return
        for word in shlex.split(text):
            if language.compile_args is None or not re.fullmatch(language.compile_args, word):
                possible = language.compile_args or "nothing"
                self._refuse(
                    "compiler_options",
                    f"{language.name} does not take {word[:_MAX_SHOWN]}: possible is {possible}",
                )

    def _callback(self) -> str | None:
        value = self._body.get("callback_url")
        if value in (None, ""):
            return None
        if not isinstance(value, str):
            self._refuse("callback_url", "must be a string")
            return None
        try:
            self._callbacks.check(value)
        except CallbackRefused as error:
            self._refuse("callback_url", str(error))
        return value

    def _test_cases(
        self, stdin: bytes | None, expected: bytes | None, numbers: Mapping[str, float]
    ) -> list[TestCase] | None:
        name, value = "test_cases", self._body.get("test_cases")
        if value is None:
            return None
        most = self._settings.max_batch_runs
        if not isinstance(value, list) or not value or not all(isinstance(x, dict) for x in value):
            self._refuse(name, "must be an array of objects with stdin and expected_output")
            return None
        if len(value) > most:
            self._refuse(name, f"has {len(value)} entries, and may have {most}")
            return None
        if stdin is not None or expected is not None or numbers.get("number_of_runs", 1) > 1:
            self._refuse(name, "can't be used with stdin, expected_output or number_of_runs")
        found = []
        for case in value:
            parts = [
                self._bytes(name, case.get(part), is_base64=self._is_base64)
                for part in ("stdin", "expected_output")
            ]
            found.append(TestCase(parts[0] or b"", parts[1]))
        return found
