"""Files of a result as content for a model: pictures as pictures, others as resources."""

import base64
import mimetypes
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from mcp.types import (
    BlobResourceContents,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextResourceContents,
)

from bitrun.client import OutputFile, Result
from bitrun.mcp.output import shorten

# Bytes of all files of an answer. A model reads no more than some megabytes of pictures anyway.
MAX_FILES_SIZE = 8 * 1024 * 1024

_WILDCARDS = {*"*?["}

# Types of pictures that models take.
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def split_files(result: Result) -> tuple[list[OutputFile], list[OutputFile]]:
    """Return the files that an answer has room for, and those that it does not show."""
    shown: list[OutputFile] = []
    left_out: list[OutputFile] = []
    left = MAX_FILES_SIZE
    for file in result.files:
        fits = len(file.content) <= left
        left -= len(file.content) if fits else 0
        (shown if fits else left_out).append(file)
    return shown, left_out


def missing_files(result: Result, patterns: Sequence[str]) -> list[str]:
    """Return a line for each file that was asked for and is not sent, with the reason."""
    lines = [f"{file.name or 'in general'}: {file.message}" for file in result.files_dropped]
    found = {file.name for file in result.files} | {file.name for file in result.files_dropped}
    if all(found):  # else not all were looked at
        # Whether a pattern has found any of several files, only the service knows.
        unmatched = (
            each for each in patterns if not found or not (_WILDCARDS & {*each} or each in found)
        )
        lines += [f"{each}: The program has not made such a file" for each in unmatched]
    return lines


def describe_files(result: Result, missing: Sequence[str]) -> Iterator[str]:
    """Give paragraphs about the files that were asked for."""
    shown, left_out = split_files(result)
    if shown:
        yield "Files, below: " + ", ".join(f"{file.name} ({_size(file)})" for file in shown)
    lines = [f"{file.name}: larger than an answer may be, {_size(file)}" for file in left_out]
    lines += missing
    if lines:
        yield shorten("Files that are missing:\n" + "\n".join(lines))


def file_content(file: OutputFile) -> ContentBlock:
    kind = mimetypes.guess_type(file.name)[0]
    encoded = base64.b64encode(file.content).decode()
    if kind in PICTURES:
        return ImageContent(type="image", data=encoded, mime_type=kind)
    uri = f"file:///{quote(file.name)}"
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        blob = BlobResourceContents(uri=uri, mime_type=kind, blob=encoded)
        return EmbeddedResource(type="resource", resource=blob)
    resource = TextResourceContents(uri=uri, mime_type=kind or "text/plain", text=shorten(text))
    return EmbeddedResource(type="resource", resource=resource)


def _size(file: OutputFile) -> str:
    return f"{len(file.content)} bytes"
