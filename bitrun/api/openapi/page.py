"""The document as a page, rendered here, so that it needs no script and no other host."""

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from bitrun.api.dialect import Dialect
from bitrun.api.openapi.document import METHODS, document

_FOLDER = Path(__file__).resolve().parent
_FORM = "application/x-www-form-urlencoded"
_ALIAS = "/api/v2/piston"  # described once, not for each operation
_ORIGIN = "http://127.0.0.1:5000"

# HTML in a description would be a mistake: it is shown as it stands.
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class _Example:
    """A call as a command line, and its answer if the document has one."""

    title: str
    command: str
    status: str | None
    answer: str | None


@cache
def page(dialects: tuple[Dialect, ...]) -> tuple[str, Mapping[str, str]]:
    """Return the page and the headers that it must be served with."""
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"markdown": _rendered, "kind": _kind, "inline": _inline}
    found = document(dialects)
    html = environment.get_template("page.html").render(
        document=found,
        style=Markup(style),  # noqa: S704  our own file
        operations=list(_operations(found)),
        examples=_examples,
        schema_name=_schema_name,
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return html, {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _operations(found: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, operations in found["paths"].items():
        if path.startswith(_ALIAS):
            continue
        for method in METHODS:
            if method in operations:
                yield path, method.upper(), operations[method]


def _rendered(text: str) -> Markup:
    return Markup(_markdown.render(text))  # noqa: S704  with html off it escapes all it is given


def _inline(text: str) -> Markup:
    return Markup(_markdown.renderInline(text))  # noqa: S704  as above


def _schema_name(schema: Mapping[str, Any]) -> str | None:
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def _kind(schema: Mapping[str, Any]) -> str:
    """Describe the type of a value in a few words."""
    if "$ref" in schema:
        return str(_schema_name(schema))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    of = f" of {_kind(schema['items'])}" if "items" in schema else ""
    return " | ".join(f"{kind}{of}" if kind == "array" else kind for kind in kinds)


def _examples(path: str, method: str, operation: Mapping[str, Any]) -> list[_Example]:
    option = "" if method in ("GET", "POST") else f" -X {method}"
    command = f"curl{option} {_ORIGIN}{path}"
    bodies = operation.get("requestBody", {}).get("content", {})
    if not bodies:
        return [_example(operation, "default", "", command)]
    return [
        _example(operation, key, example["summary"], command + _sent(media, example["value"]))
        for media, content in bodies.items()
        for key, example in content.get("examples", {}).items()
    ]


def _example(operation: Mapping[str, Any], key: str, title: str, command: str) -> _Example:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if key in content.get("examples", {}):
                value = content["examples"][key]["value"]
                answer = value if isinstance(value, str) else json.dumps(value, indent=2)
                return _Example(title, command, status, answer)
    return _Example(title, command, None, None)


def _sent(media: str, value: Mapping[str, Any]) -> str:
    if media == _FORM:
        return "".join(
            f" \\\n  --data-urlencode {shlex.quote(f'{name}={text}')}"
            for name, text in value.items()
        )
    return f" \\\n  -H 'Content-Type: {media}' \\\n  -d {shlex.quote(json.dumps(value))}"
