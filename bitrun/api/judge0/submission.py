"""Submissions, and the form in which the store has them."""

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

TEXTS = ("source_code", "stdin", "expected_output")  # may be in base64
# Bytes of memory for a byte of a stored submission: itself, its text, its values and their copies.
MEMORY_FACTOR = 6

FLAGS = (
    "enable_per_process_and_thread_time_limit",
    "enable_per_process_and_thread_memory_limit",
    "redirect_stderr_to_stdout",
    "enable_network",
)
OPTIONS = ("compiler_options", "command_line_arguments")


@dataclass(frozen=True, slots=True)
class TestCase:
    """An input of a submission, and the output that is expected, if any is."""

    stdin: bytes
    expected_output: bytes | None


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission.

    `numbers` are the limits that it sets, in Judge0's units, `flags` and `options` those that it
    has. `test_cases` are None if it has an input of its own.
    """

    language_id: int | str
    source_code: bytes = b""
    stdin: bytes | None = None
    expected_output: bytes | None = None
    additional_files: bytes | None = None
    callback_url: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    test_cases: Sequence[TestCase] | None = None

    @property
    def number_of_runs(self) -> int:
        return int(self.numbers.get("number_of_runs", 1))

    @property
    def runs(self) -> int:
        """How many runs it makes."""
        return self.number_of_runs if self.test_cases is None else len(self.test_cases)

    @property
    def is_merged(self) -> bool:
        """Whether its stderr goes to its stdout."""
        return self.flags.get("redirect_stderr_to_stdout", False)

    def words(self, option: str) -> list[str]:
        """Split an option as a shell does."""
        return shlex.split(self.options.get(option, ""))

    def stored(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        cases = self.test_cases
        return {
            "language_id": self.language_id,
            "source_code": encoded(self.source_code),
            "stdin": encoded(self.stdin),
            "expected_output": encoded(self.expected_output),
            "additional_files": encoded(self.additional_files),
            "callback_url": self.callback_url,
            "numbers": dict(self.numbers),
            "flags": dict(self.flags),
            "options": dict(self.options),
            "test_cases": None
            if cases is None
            else [[encoded(case.stdin), encoded(case.expected_output)] for case in cases],
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `stored` was called for."""
        values = dict(stored)
        for name in (*TEXTS, "additional_files"):
            values[name] = _decoded(values[name])
        if values["test_cases"] is not None:
            values["test_cases"] = [
                TestCase(_decoded(stdin) or b"", _decoded(expected))
                for stdin, expected in values["test_cases"]
            ]
        return cls(**values)


def encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def pack(submission: Submission, result: Mapping[str, Any] | None = None) -> bytes:
    """Return the content of a submission's record."""
    return json.dumps(
        {"submission": submission.stored(), "result": result}, separators=(",", ":")
    ).encode()


def unpack(content: bytes) -> tuple[Submission, dict[str, Any] | None]:
    """Return a submission and its result, which is None as long as it has none."""
    found = json.loads(content)
    return Submission.restored(found["submission"]), found["result"]
