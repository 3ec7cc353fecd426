"""Cases of a problem, as judges keep them: `1.in` beside `1.out` or `1.ans`, perhaps in folders."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from bitrun.cli.program_files import read
from bitrun.client import Case

_INPUT = ".in"
_OUTPUTS = (".out", ".ans")
_MAX_CASES = 100  # of a request; a service may allow more
_MAX_BYTES = 4_000_000  # of their texts, which grow in JSON
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class NamedCase:
    """A case, and its name: the path of its files in the folder, without their endings."""

    name: str
    case: Case


def read_cases(folder: Path, *, need_outputs: bool) -> list[NamedCase]:
    """Read the cases of a folder, in the order in which people count.

    Raises:
        BadParameter: there are none, a file can't be read or is no UTF-8, or an output is missing.
    """
    inputs = sorted(folder.rglob(f"*{_INPUT}"), key=lambda path: _natural(str(path)))
    if not inputs:
        raise typer.BadParameter(f"{folder} has no files that end in {_INPUT}")
    return [
        NamedCase(
            str(path.relative_to(folder).with_suffix("")),
            Case(stdin=_text(path), expected_output=_expected(path, is_needed=need_outputs)),
        )
        for path in inputs
    ]


def in_requests(cases: Sequence[NamedCase]) -> Iterator[list[NamedCase]]:
    """Split the cases into as many as fit into one request."""
    part: list[NamedCase] = []
    size = 0
    for named in cases:
        own = len(named.case.stdin or "") + len(named.case.expected_output or "")
        if part and (len(part) == _MAX_CASES or size + own > _MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(named)
        size += own
    if part:
        yield part


def _expected(path: Path, *, is_needed: bool) -> str | None:
    for ending in _OUTPUTS:
        output = path.with_suffix(ending)
        if output.exists():
            return _text(output)
    if is_needed:
        names = " or ".join(path.with_suffix(ending).name for ending in _OUTPUTS)
        raise typer.BadParameter(f"{path} needs {names}, unless a checker or interactor decides")
    return None


def _text(path: Path) -> str:
    try:
        # Not as a text file, which would turn the line ends of Windows into those of Unix.
        return read(path).decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is not UTF-8 at byte {error.start}") from error


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort 10 after 9, as people count."""
    parts = _NUMBER.split(text)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
