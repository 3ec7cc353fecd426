"""Hook of mkdocs: adds SECURITY.md as a page, and resolves links to files outside `docs/`."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
_OUTSIDE = re.compile(r"(?<!!)\[([^]]+)\]\(\.\./([^)#]+)(#[^)]*)?\)")
_INSIDE = re.compile(r"\]\(docs/")


def on_files(files: Files, config: Any) -> Files:
    text = _INSIDE.sub("](", (ROOT / "SECURITY.md").read_text())
    files.append(File.generated(config, "security.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace links to files that are not on the site by the names of the files."""

    def name(link: re.Match[str]) -> str:
        text, path, anchor = link.groups()
        if path == "SECURITY.md":
            return f"[{text}](security.md{anchor or ''})"
        if not (ROOT / path).exists():
            raise PluginError(f"{page.file.src_path} links to {path}, which does not exist")
        return text if path in text or text.startswith("`") else f"{text} (`{path}`)"

    return _OUTSIDE.sub(name, markdown)
