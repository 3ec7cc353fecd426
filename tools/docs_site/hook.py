"""Hook of mkdocs: SECURITY.md as a page, links to files outside `docs/`, and programs that run.

With `DOCS_SERVICE`, the address of a service's `codapi` dialect, a program that `<!-- run -->`
follows gets the widget of codapi. The widget is a part of the site then, from npm: pages ask no
other host for it.
"""

import html
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).resolve().parents[2]
_WIDGET = Path(__file__).parent / "node_modules" / "@antonz" / "codapi" / "dist"
_WIDGET_FILES = ("snippet.css", "settings.js", "snippet.js")
_ASSETS = "assets/codapi"

_OUTSIDE = re.compile(r"(?<!!)\[([^]]+)\]\(\.\./([^)#]+)(#[^)]*)?\)")
_INSIDE = re.compile(r"\]\(docs/")
_PROGRAM = re.compile(r"^```(\w+)\n((?:(?!```).*\n)*)```\n<!-- run -->\n", re.MULTILINE)


def service() -> str:
    return os.environ.get("DOCS_SERVICE", "")


def on_files(files: Files, config: Any) -> Files:
    text = _INSIDE.sub("](", (ROOT / "SECURITY.md").read_text())
    files.append(File.generated(config, "security.md", content=text))
    for name in _WIDGET_FILES if service() else ():
        if not (_WIDGET / name).exists():
            raise PluginError(f"{_WIDGET / name} is missing: npm ci installs it")
        files.append(File.generated(config, f"{_ASSETS}/{name}", abs_src_path=str(_WIDGET / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Resolve links, and let programs run."""
    markdown = _with_names_of_files(markdown, page)
    if not _PROGRAM.search(markdown) or not service():
        return _PROGRAM.sub(r"```\1\n\2```\n", markdown)
    return _PROGRAM.sub(_runnable, markdown) + _widget(page)


def _with_names_of_files(markdown: str, page: Any) -> str:
    """Replace links to files that are not on the site by the names of the files."""

    def name(link: re.Match[str]) -> str:
        text, path, anchor = link.groups()
        if path == "SECURITY.md":
            return f"[{text}](security.md{anchor or ''})"
        if not (ROOT / path).exists():
            raise PluginError(f"{page.file.src_path} links to {path}, which does not exist")
        return text if path in text or text.startswith("`") else f"{text} (`{path}`)"

    return _OUTSIDE.sub(name, markdown)


def _runnable(program: re.Match[str]) -> str:
    language, source = program.groups()
    # The widget takes code without markup; highlighted, it loses what looks like a tag.
    return (
        f"<div><pre><code>{html.escape(source)}</code></pre>\n"
        f'<codapi-snippet sandbox="{language}" editor="basic"></codapi-snippet></div>\n'
    )


def _widget(page: Any) -> str:
    css, *scripts = (get_relative_url(f"{_ASSETS}/{name}", page.url) for name in _WIDGET_FILES)
    return (
        f'\n<div><link rel="stylesheet" href="{css}">\n'
        + "".join(f'<script src="{script}"></script>\n' for script in scripts)
        + f'<codapi-settings url="{html.escape(service())}"></codapi-settings></div>\n'
    )
