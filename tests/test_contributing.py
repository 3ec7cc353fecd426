"""Paths and dotted names in the documents exist, and the map of the rooms in docs/design.md is true."""

import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrun.engine import labels
from tests.support.paths import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
FOLDERS = (
    "bitrun", "config", "deploy", "docs", "images", "playground", "scripts", "tests", "tools",
)  # fmt: skip
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*<>-]*")
_DOTTED = re.compile(r"\bbitrun(?:\.[A-Za-z_]\w*)+")
_PLACEHOLDER = re.compile(r"<\w+>")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_FILE_ENDINGS = (".service", ".sock")  # of files that are called bitrun


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def linked(document: Path, text: str) -> Iterator[Path]:
    """Give the files that a document links to."""
    for target in _LINK.findall(_FENCED.sub("", text)):
        path = target.partition("#")[0]
        if path and "://" not in target:
            yield document.parent / path


def named(text: str) -> Iterator[str]:
    """Give the paths in inline code, relative to the repository."""
    for code in _CODE.findall(_FENCED.sub("", text)):
        if _PATH.fullmatch(code):
            yield code


def is_there(path: str) -> bool:
    """Whether a path, or an image that is called like one, exists."""
    folder, _, name = path.partition("/")
    if folder == "bitrun" and name and (ROOT / "images" / name).is_dir():
        return True
    pattern = _PLACEHOLDER.sub("*", path).rstrip("/")
    return next(ROOT.glob(pattern), None) is not None


def is_importable(dotted: str) -> bool:
    """Whether a dotted name is a module, perhaps of an extra, or an attribute of one."""
    module, _, attribute = dotted.rpartition(".")
    try:
        if importlib.util.find_spec(dotted) is not None:
            return True
    except ModuleNotFoundError:
        pass
    return "." in dotted and hasattr(importlib.import_module(module), attribute)


def tree(text: str) -> Iterator[Path]:
    """Give the paths of the tree in docs/design.md."""
    block = text.partition("\n## Structure\n")[2]
    parents: list[str] = []
    for line in block.splitlines():
        if match := re.match(r"    ( *)([\w./]+)(?:  |$)", line):
            depth = len(match[1]) // 2
            parents = [*parents[:depth], match[2]]
            yield ROOT.joinpath(*parents)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_document_names_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [str(path) for path in linked(document, text) if not path.exists()]
    # security.md is made of SECURITY.md when the site is built.
    assert [path for path in missing if not path.endswith("docs/security.md")] == []
    assert [path for path in named(text) if not is_there(path)] == []
    dotted = {each for each in _DOTTED.findall(text) if not each.endswith(_FILE_ENDINGS)}
    dotted -= {str(value) for value in vars(labels).values()}
    assert {each for each in dotted if not is_importable(each)} == set()


def test_the_examples_of_contributing_name_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("\n## Where to find things\n")[2].partition("\n## ")[0]
    ways = section.split("\n\n**Where ")[1:]
    assert len(ways) == 4
    for way in ways:
        paths = [path for path in named(way) if path.startswith("bitrun/")]
        assert len([path for path in paths if (ROOT / path).is_file()]) >= 3


def test_the_tree_of_the_design_exists() -> None:
    paths = list(tree((ROOT / "docs" / "design.md").read_text(encoding="utf-8")))
    assert [path for path in paths if not path.exists()] == []
    rooms = {path.name for path in (ROOT / "bitrun").iterdir() if path.is_dir()}
    shown = {path.name for path in paths if path.parent == ROOT / "bitrun"}
    assert rooms - {"static", "__pycache__"} == shown


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see `bitrun/nowhere.py`", ["bitrun/nowhere.py"]),
        ("`images/<package>/Dockerfile` and `make test`", ["images/<package>/Dockerfile"]),
        ("```\n`tests/x.py`\n```\n", []),
    ],
)
def test_the_check_sees_paths(text: str, paths: list[str]) -> None:
    assert list(named(text)) == paths


def test_the_check_sees_what_is_missing() -> None:
    assert not is_there("bitrun/nowhere.py")
    assert is_there("images/<package>/Dockerfile")
    assert is_importable("bitrun.model.result.Outcome")
    assert not is_importable("bitrun.model.nowhere")
