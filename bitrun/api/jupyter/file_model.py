"""Files and folders as the contents API has them: models, in and out."""

import base64
import hashlib
import json
import mimetypes
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, AnyStr

from bitrun.api.http import large_json
from bitrun.api.http.json_body import encode_text, parse_json
from bitrun.api.jupyter.times import write_time
from bitrun.execution.sandboxes.files import Entry
from bitrun.model.errors import RequestError

_KINDS = {"folder": "directory"}
_NOTEBOOK = ".ipynb"
_PIECE = 3 << 15  # bytes of a file that are written at once; base64 takes three of them for four

EMPTY_NOTEBOOK: Mapping[str, Any] = {
    "cells": [],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def is_notebook(path: str) -> bool:
    return path.endswith(_NOTEBOOK)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants of a file: its kind and format, None as it is; content; a hash."""

    kind: str | None
    format: str | None
    content: bool
    hash: bool


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """Read the query of a request for a model.

    Raises:
        RequestError: a value is none of those that are possible.
    """
    kind = query.get("type")
    if kind not in (None, "directory", "file", "notebook"):
        kind = "file"  # as Jupyter does
    wanted_format = query.get("format")
    if wanted_format not in (None, "text", "base64", "json"):
        raise RequestError("format must be text, base64 or json")
    return Wanted(
        kind, wanted_format, _read_flag(query, "content", "1"), _read_flag(query, "hash", "0")
    )


def _read_flag(query: Mapping[str, str], name: str, default: str) -> bool:
    value = query.get(name, default)
    if value not in ("0", "1"):
        raise RequestError(f"{name} must be 0 or 1")
    return value == "1"


def entry_model(path: str, entry: Entry) -> dict[str, Any]:
    """Write an entry of a folder, without its content; `path` begins with the kernel."""
    kind = _KINDS.get(entry.kind, "file")
    if kind == "file" and is_notebook(path):
        kind = "notebook"
    modified = write_time(entry.modified_at)
    return {
        "name": posixpath.basename(path),
        "path": path,
        "type": kind,
        "size": None if kind == "directory" else entry.size,
        "created": modified,
        "last_modified": modified,
        "writable": bool(entry.mode & 0o200),
        "mimetype": mimetypes.guess_type(path)[0] if kind == "file" else None,
        "format": None,
        "content": None,
        "hash": None,
        "hash_algorithm": None,
    }


def folder_model(
    path: str, modified_at: float, entries: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Write a folder with the models of what is in it, but for hidden files, as Jupyter does."""
    model = entry_model(path, Entry("", "folder", 0o755, 0, modified_at))
    shown = [each for each in entries if not each["name"].startswith(".")]
    return model | {"format": "json", "content": shown}


def file_model(model: Mapping[str, Any], content: bytes, wanted: Wanted) -> dict[str, Any]:
    """Complete the model of a file by its content, in the format that is wanted or fits.

    Raises:
        RequestError: it can't be written so.
    """
    done = dict(model)
    if wanted.hash:
        done |= {"hash": hashlib.sha256(content).hexdigest(), "hash_algorithm": "sha256"}
    kind = wanted.kind or model["type"]
    if not wanted.content:
        return done
    if kind == "notebook" and wanted.format in (None, "json"):
        return done | {"type": kind, "format": "json", "content": _parse_notebook(content)}
    done["type"] = "file"
    if wanted.format != "base64":
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            if wanted.format == "text":
                raise RequestError(f"{model['path']} is no UTF-8: ask for base64") from error
        else:
            written = large_json.text(lambda: _pieces(text, str), len(content))
            return done | {
                "format": "text",
                "content": written,
                "mimetype": model["mimetype"] or "text/plain",
            }
    return done | {
        "format": "base64",
        "content": large_json.text(
            lambda: _pieces(content, lambda piece: base64.b64encode(piece).decode()), len(content)
        ),
        "mimetype": model["mimetype"] or "application/octet-stream",
    }


def _parse_notebook(content: bytes) -> Any:
    if not content.strip():
        return EMPTY_NOTEBOOK
    try:
        return parse_json(content)
    except RequestError as error:
        raise RequestError(
            f"The file is no notebook. {error}. Ask for it with type=file"
        ) from error


def _pieces(whole: AnyStr, write: Callable[[AnyStr], str]) -> Iterable[str]:
    return (write(whole[start : start + _PIECE]) for start in range(0, len(whole), _PIECE))


def read_content(model: Mapping[str, Any]) -> bytes:
    """Return the bytes of a model that a client wants to be saved.

    Raises:
        RequestError: its content does not fit its type and format.
    """
    content, kind = model.get("content"), model.get("type")
    if kind == "notebook" and not isinstance(content, str):
        notebook = EMPTY_NOTEBOOK if content is None else content
        if not isinstance(notebook, Mapping):
            raise RequestError("content of a notebook must be an object")
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        return encode_text(f"{text}\n", "content")
    if content is None:
        return b""
    if not isinstance(content, str):
        raise RequestError("content of a file must be a string, of the format text or base64")
    if model.get("format") != "base64":
        return encode_text(content, "content")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except ValueError as error:
        raise RequestError("content is no valid base64") from error
