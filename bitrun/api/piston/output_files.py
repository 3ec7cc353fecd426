"""Files that a program has made: in a request their patterns, in a reply their contents."""

import base64
import codecs
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Request, Response

from bitrun.api.http import attachments, large_json
from bitrun.api.http.attachments import Attachment
from bitrun.model.errors import RequestError
from bitrun.model.output_files import Collected, DroppedFile, OutputFile
from bitrun.model.result import Result

FIELD = "output_files"

_SLICE = 3 << 15  # bytes in a part: a multiple of three, so that their base64 can be joined


def read_patterns(value: Any) -> list[str]:
    """Read the field `output_files`.

    Raises:
        RequestError: it is no array of strings.
    """
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
        raise RequestError(f"If specified, {FIELD} must be an array of strings")
    return value


def reply_with_files(request: Request, reply: dict[str, Any], result: Result) -> Response:
    """Write a reply with the files of a result: in it or beside it, as the client prefers."""
    form = attachments.wanted(request)
    if form is None:
        collected = Collected(result.files, result.files_dropped)
        return large_json.reply(reply | files_reply(collected))
    dropped = [dropped_reply(file) for file in result.files_dropped]
    return attachments.reply(
        form,
        reply
        | {"files": [_name_and_size(file) for file in result.files], "files_dropped": dropped},
        [Attachment(file.name, file.content, file.mode) for file in result.files],
    )


def files_reply(collected: Collected) -> dict[str, Any]:
    return {
        "files": [file_reply(file) for file in collected.files],
        "files_dropped": [dropped_reply(file) for file in collected.dropped],
    }


def file_reply(file: OutputFile) -> dict[str, Any]:
    encoding, parts = _encoding(file)
    content = large_json.text(partial(parts, file.content), len(file.content))
    return _name_and_size(file) | {"encoding": encoding, "content": content}


def dropped_reply(file: DroppedFile) -> dict[str, Any]:
    return {"name": file.name, "reason": file.reason, "message": file.message}


def file_messages(file: OutputFile) -> Iterator[dict[str, Any]]:
    """Yield the messages of a session for one file; the contents of all are joined."""
    encoding, parts = _encoding(file)
    head = {"type": "file", **_name_and_size(file), "encoding": encoding}
    waiting: str | None = None
    for part in parts(file.content):
        if waiting is not None:
            yield head | {"content": waiting, "more": True}
        waiting = part
    yield head | {"content": waiting or "", "more": False}


def _encoding(file: OutputFile) -> tuple[str, Callable[[bytes], Iterator[str]]]:
    """Return the encoding of a file, utf8 for text, else base64, and what makes its parts."""
    return ("utf8", _texts) if _is_text(file.content) else ("base64", _base64)


def _name_and_size(file: OutputFile) -> dict[str, Any]:
    return {"name": file.name, "size": len(file.content)}


def _is_text(content: bytes) -> bool:
    # A NUL would be legal, but takes six characters of JSON and is in no text.
    if b"\0" in content:
        return False
    try:
        for _ in _texts(content):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _texts(content: bytes) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for part in _slices(content):
        yield decoder.decode(part)
    decoder.decode(b"", final=True)


def _base64(content: bytes) -> Iterator[str]:
    for part in _slices(content):
        yield base64.b64encode(part).decode()


def _slices(content: bytes) -> Iterator[memoryview]:
    whole = memoryview(content)
    for start in range(0, len(whole), _SLICE):
        yield whole[start : start + _SLICE]
