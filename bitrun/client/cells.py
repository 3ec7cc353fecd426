"""Cells: code for a kernel of a sandbox, and what comes of it. No I/O."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypedDict

from bitrun.client.calls import Call, check_names, milliseconds, number
from bitrun.client.sandbox_calls import nothing, sandbox_path

# Seconds without data: the service's own limit of a cell is shorter, and a kernel may have to
# start first.
_LONGEST_CELL = 3600.0
_GRACE = 90.0


class CellOutcome(StrEnum):
    """How a cell ended, in one word."""

    OK = "ok"
    ERROR = "error"  # it has raised an error
    WALL_TIME = "wall_time"
    STDOUT = "stdout"  # more output than the limit allows
    STDERR = "stderr"
    RESULTS = "results"
    DIED = "died"  # its kernel has
    ABORTED = "aborted"  # the kernel has not run it


class CellOptions(TypedDict, total=False):
    """Options of a cell.

    `kernel` is the name of a kernel or a language, by default the first of the package. `timeout`
    is wall time in seconds, `output` limits stdout and stderr each in bytes. `stdin` are the lines
    that input() gets; without, it raises an error.
    """

    kernel: str
    timeout: float
    output: int
    stdin: str


@dataclass(frozen=True, slots=True)
class Display:
    """A value in its representations, by their media types, such as `text/plain`.

    It is the cell's own value if it `is_result`, else one that it has displayed.
    """

    data: Mapping[str, Any]
    metadata: Mapping[str, Any]
    is_result: bool

    @property
    def text(self) -> str | None:
        """The representation as plain text."""
        return self.data.get("text/plain")

    @property
    def png(self) -> bytes | None:
        """The representation as a PNG picture."""
        picture = self.data.get("image/png")
        return base64.b64decode(picture) if isinstance(picture, str) else None


@dataclass(frozen=True, slots=True)
class CellError:
    """An error that a cell has raised; the lines of the traceback may have colours of ANSI."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellResult:
    """Result of a cell; `message` says which limit it has exceeded, or why the kernel died."""

    kernel: str
    outcome: CellOutcome
    message: str | None
    stdout: str
    stderr: str
    results: tuple[Display, ...] = field(hash=False)
    error: CellError | None
    execution_count: int | None
    wall_ms: int

    @property
    def ok(self) -> bool:
        return self.outcome is CellOutcome.OK

    @property
    def text(self) -> str | None:
        """The cell's own value as plain text; None if it has none."""
        return next((each.text for each in reversed(self.results) if each.is_result), None)


def run(sandbox_id: str, code: str, options: CellOptions) -> Call[CellResult]:
    check_names(options, CellOptions)
    body: dict[str, Any] = {"code": code}
    for name in ("kernel", "stdin"):
        if name in options:
            body[name] = options[name]
    if (timeout := milliseconds("timeout", options.get("timeout"))) is not None:
        body["timeout"] = timeout
    if (output := number("output", options.get("output"))) is not None:
        body["output_limit"] = output
    seconds = options.get("timeout", _LONGEST_CELL) + _GRACE
    return Call("POST", _path(sandbox_id), _read_result, body, timeout=seconds)


def interrupt(sandbox_id: str, kernel: str | None) -> Call[None]:
    return Call("POST", f"{_path(sandbox_id)}/interrupt", nothing, _of(kernel))


def restart(sandbox_id: str, kernel: str | None) -> Call[None]:
    path = f"{_path(sandbox_id)}/restart"
    return Call("POST", path, nothing, _of(kernel), timeout=_GRACE)


def _path(sandbox_id: str) -> str:
    return f"{sandbox_path(sandbox_id)}/cells"


def _of(kernel: str | None) -> dict[str, str]:
    return {} if kernel is None else {"kernel": kernel}


def _read_result(answer: Mapping[str, Any]) -> CellResult:
    error = answer["error"]
    return CellResult(
        answer["kernel"],
        CellOutcome(answer["verdict"]),
        answer["message"],
        answer["stdout"],
        answer["stderr"],
        tuple(
            Display(each["data"], each["metadata"], each["type"] == "execute_result")
            for each in answer["results"]
        ),
        error and CellError(error["ename"], error["evalue"], tuple(error["traceback"])),
        answer["execution_count"],
        answer["wall_time"],
    )
