"""Models of files: what a client asks for, what it gets, and what it may save."""

import base64
import hashlib
import json
from typing import Any

import pytest

from bitrun.api.http.large_json import Parts
from bitrun.api.jupyter.file_model import (
    entry_model,
    file_model,
    folder_model,
    read_content,
    read_wanted,
)
from bitrun.execution.sandboxes.files import Entry
from bitrun.model.errors import RequestError

TEXT = Entry("a.csv", "file", 0o644, 3, 5.25)


def asked(data: bytes, path: str = "K/a.csv", **query: str) -> dict[str, Any]:
    return file_model(entry_model(path, TEXT), data, read_wanted(query))


def test_an_entry() -> None:
    assert entry_model("K/d/a.csv", TEXT) == {
        "name": "a.csv",
        "path": "K/d/a.csv",
        "type": "file",
        "size": 3,
        "created": "1970-01-01T00:00:05.250000Z",
        "last_modified": "1970-01-01T00:00:05.250000Z",
        "writable": True,
        "mimetype": "text/csv",
        "format": None,
        "content": None,
        "hash": None,
        "hash_algorithm": None,
    }
    assert entry_model("K/n.ipynb", TEXT)["type"] == "notebook"
    assert entry_model("K/d", Entry("d", "folder", 0o755, 0, 0))["type"] == "directory"
    assert entry_model("K/l", Entry("l", "link", 0o777, 0, 0))["type"] == "file"


def test_a_folder_hides_what_begins_with_a_dot() -> None:
    entries = [entry_model(f"K/{name}", TEXT) for name in (".config", "a.csv")]
    found = folder_model("K", 0, entries)
    assert (found["type"], found["format"]) == ("directory", "json")
    assert [each["name"] for each in found["content"]] == ["a.csv"]


@pytest.mark.parametrize(
    ("content", "query", "found"),
    [
        (b"a\xc3\xa9", {}, ("file", "text", "aé")),
        (b"a\xff", {}, ("file", "base64", "Yf8=")),
        (b"ab", {"format": "base64"}, ("file", "base64", "YWI=")),
        (b"ab", {"type": "file", "format": "text"}, ("file", "text", "ab")),
        (b"ab", {"content": "0"}, ("file", None, None)),
    ],
)
def test_a_file(content: bytes, query: dict[str, str], found: tuple[Any, ...]) -> None:
    model = asked(content, **query)
    assert (model["type"], model["format"], model["content"]) == found


def test_a_hash() -> None:
    model = asked(b"ab", content="0", hash="1")
    assert (model["hash"], model["hash_algorithm"], model["content"]) == (
        hashlib.sha256(b"ab").hexdigest(), "sha256", None,
    )  # fmt: skip


@pytest.mark.parametrize("content", [b"x" * 400_001, bytes(range(256)) * 2000])
def test_a_large_file_is_written_in_parts(content: bytes) -> None:
    model = asked(content)
    assert isinstance(model["content"], Parts)
    whole = "".join(model["content"].make())
    read = base64.b64decode(whole) if model["format"] == "base64" else whole.encode()
    assert read == content


def test_a_notebook() -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    written = json.dumps(notebook).encode()
    model = asked(written, "K/n.ipynb")
    assert (model["type"], model["format"], model["content"]) == ("notebook", "json", notebook)
    assert asked(b"", "K/n.ipynb")["content"] == notebook
    as_file = asked(written, "K/n.ipynb", type="file", format="text")
    assert (as_file["type"], as_file["content"]) == ("file", written.decode())
    with pytest.raises(RequestError, match="no notebook"):
        asked(b"{", "K/n.ipynb")


@pytest.mark.parametrize(
    "query", [{"format": "xml"}, {"content": "2"}, {"hash": "yes"}, {"content": ""}]
)
def test_queries_that_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(RequestError):
        read_wanted(query)


def test_text_that_is_none() -> None:
    with pytest.raises(RequestError, match="ask for base64"):
        asked(b"\xff", format="text")


@pytest.mark.parametrize(
    ("model", "saved"),
    [
        ({}, b""),
        ({"content": "aé", "format": "text", "type": "file"}, b"a\xc3\xa9"),
        ({"content": "YWI=\n", "format": "base64"}, b"ab"),
        (
            {"content": {"cells": ["é"]}, "type": "notebook"},
            '{\n "cells": [\n  "é"\n ]\n}\n'.encode(),
        ),
        ({"content": "{}", "type": "notebook", "format": "text"}, b"{}"),
    ],
)
def test_what_is_saved(model: dict[str, Any], saved: bytes) -> None:
    assert read_content(model) == saved


@pytest.mark.parametrize(
    "model",
    [
        {"content": 5},
        {"content": {}, "type": "file"},
        {"content": [], "type": "notebook"},
        {"content": "a", "format": "base64"},
        {"content": "\ud800"},
        {"content": {"cells": "\ud800"}, "type": "notebook"},
    ],
)
def test_what_is_not_saved(model: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        read_content(model)
