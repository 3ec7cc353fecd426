"""What the tools of sandboxes answer: structured results, and the same as text."""

import base64
import re
from collections.abc import Iterator, Sequence

from mcp.types import ContentBlock, ImageContent
from pydantic import BaseModel, Field

from bitrun.client import CellOutcome, CellResult, SandboxEntry, SandboxInfo, Stage
from bitrun.mcp.content import MAX_FILES_SIZE, PICTURES
from bitrun.mcp.output import MEGABYTE, shorten
from bitrun.mcp.wording import describe_streams

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class SandboxOutput(BaseModel):
    sandbox: str = Field(description="Its id, for the other tools.")
    language: str
    version: str
    package: str
    memory_mb: int
    expires_at: str = Field(description="When it ends unless it is used; each use prolongs it.")


class SandboxList(BaseModel):
    sandboxes: list[SandboxOutput]


class CommandOutput(BaseModel):
    """How a command ended. Long texts are shortened in the middle."""

    ok: bool = Field(description="Whether it ended with exit code 0.")
    outcome: str = Field(description="ok, exit, signal, memory, wall_time, stdout or stderr.")
    detail: str | None = Field(description="The outcome as a sentence, with the exceeded limit.")
    exit_code: int | None
    signal: str | None
    stdout: str
    stderr: str
    wall_ms: int


class CellOutput(BaseModel):
    """How a cell ended. Long texts are shortened in the middle, pictures are content."""

    ok: bool
    outcome: str = Field(
        description="ok, error, wall_time, stdout, stderr, results, died or aborted."
    )
    detail: str | None
    stdout: str
    stderr: str
    result: str | None = Field(description="The cell's own value, or what it displayed, as text.")
    error: str | None = Field(description="The error with its traceback.")
    pictures: int


class FileEntry(BaseModel):
    name: str
    kind: str = Field(description="file, folder, link or other.")
    size: int


class FileList(BaseModel):
    entries: list[FileEntry]


class Done(BaseModel):
    done: bool = True


def sandbox_output(info: SandboxInfo) -> SandboxOutput:
    return SandboxOutput(
        sandbox=info.id,
        language=info.language,
        version=info.version,
        package=info.package,
        memory_mb=info.memory // MEGABYTE,
        expires_at=info.expires_at.isoformat(timespec="seconds"),
    )


def describe_sandbox(each: SandboxOutput) -> str:
    return (
        f"{each.sandbox}: {each.language} {each.version} ({each.package}), {each.memory_mb} MB; "
        f"ends at {each.expires_at} unless it is used."
    )


def command_output(stage: Stage) -> CommandOutput:
    verdict = stage.verdict
    return CommandOutput(
        ok=verdict.ok,
        outcome=str(verdict.outcome),
        detail=verdict.detail,
        exit_code=verdict.code,
        signal=verdict.signal,
        stdout=shorten(stage.stdout),
        stderr=shorten(stage.stderr),
        wall_ms=verdict.wall_ms,
    )


def describe_command(stage: Stage) -> str:
    verdict = stage.verdict
    ended = "The command ended well, with exit code 0."
    if not verdict.ok:
        ended = f"The command failed: {verdict.detail or verdict.outcome}."
    return "\n\n".join([ended, *describe_streams(stage.stdout, stage.stderr)])


def cell_output(cell: CellResult) -> CellOutput:
    values = [each.text for each in cell.results if each.text is not None]
    return CellOutput(
        ok=cell.ok,
        outcome=str(cell.outcome),
        detail=cell.message,
        stdout=shorten(cell.stdout),
        stderr=shorten(cell.stderr),
        result=shorten("\n".join(values)) if values else None,
        error=_error(cell),
        pictures=len(cell_pictures(cell)),
    )


def describe_cell(cell: CellResult, output: CellOutput) -> str:
    return "\n\n".join(_paragraphs(cell, output))


def cell_pictures(cell: CellResult) -> Sequence[ContentBlock]:
    """Return what a cell has displayed as pictures, as far as an answer has room."""
    shown: list[ContentBlock] = []
    left = MAX_FILES_SIZE
    for display in cell.results:
        for kind in sorted(PICTURES & display.data.keys()):
            picture = display.data[kind]
            if isinstance(picture, str) and len(picture) * 3 // 4 <= left and _is_base64(picture):
                left -= len(picture) * 3 // 4
                shown.append(ImageContent(type="image", data=picture, mime_type=kind))
                break
    return shown


def file_list(entries: Sequence[SandboxEntry]) -> FileList:
    return FileList(
        entries=[FileEntry(name=each.name, kind=each.kind, size=each.size) for each in entries]
    )


def describe_entries(entries: Sequence[SandboxEntry]) -> str:
    lines = (
        f"{each.name}{'/' if each.kind == 'folder' else f' ({each.size} bytes)'}"
        for each in entries
    )
    return shorten("\n".join(lines)) or "The folder is empty."


def _paragraphs(cell: CellResult, output: CellOutput) -> Iterator[str]:
    if cell.ok:
        yield "The cell ended well."
    elif cell.outcome is CellOutcome.ERROR and cell.error is not None:
        yield f"The cell failed with {cell.error.ename}: {shorten(cell.error.evalue)}"
    else:
        yield f"The cell failed: {cell.message or cell.outcome}."
    yield from describe_streams(cell.stdout, cell.stderr, says_nothing=output.result is None)
    if output.result is not None:
        yield f"result:\n{output.result}"
    if output.error is not None:
        yield output.error
    if output.pictures:
        yield f"Pictures, below: {output.pictures}"


def _error(cell: CellResult) -> str | None:
    if cell.error is None:
        return None
    lines = cell.error.traceback or (f"{cell.error.ename}: {cell.error.evalue}",)
    return shorten(_COLOURS.sub("", "\n".join(lines)))


def _is_base64(text: str) -> bool:
    # What a program says is a picture must not break the answer for its client.
    try:
        base64.b64decode(text, validate=False)
    except ValueError:
        return False
    return True
