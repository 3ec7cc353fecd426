"""The documents as a site: whatever mkdocs warns of fails the build, and nothing asks other hosts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tools.bench import quotes

# What a browser fetches by itself; a link is followed by its reader only.
_FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]* src="?(https?:[^" >]+)|<link[^>]* href="?(https?:[^" >]+)'
)


_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings have, as code hosts and mkdocs make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda page: page.name
)
def test_links_work_in_a_checkout(page: Path) -> None:
    """The site resolves links to pages that are elsewhere in the checkout, or nowhere."""
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@pytest.mark.builds
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    fetched = {"".join(found) for page in pages for found in _FETCHED.findall(page.read_text())}
    assert fetched == set()


def test_pages_quote_the_benchmark() -> None:
    figures = quotes.read_figures(quotes.BENCHMARK.read_text())
    pages = {page.name: page for page in quotes.pages()}
    assert pages.keys() >= {"README.md", "scaling.md", "speed.md"}
    for page in pages.values():
        text = page.read_text()
        # Renewed by: python -m tools.bench.quotes
        assert quotes.renewed(text, figures) == text, page.name


def test_a_wrong_quote_is_found() -> None:
    figures = quotes.read_figures("| what | p50 ms |\n|---|---|\n| a, b | 2.5 (1) |\n")
    assert figures == {("a, b", "p50 ms"): "2.5", ("a, b", "p50 ms (service)"): "1"}
    right = "takes 2.5<!-- a, b / p50 ms --> ms"
    assert quotes.renewed("takes 17<!-- a, b / p50 ms --> ms", figures) == right
    assert quotes.renewed(right, figures) == right
    many = "5,400<!-- a, b / p50 ms * 2150 --> and 25<!-- a, b / p50 ms * 10 -->"
    assert quotes.renewed(many.replace("5,400", "1,234.5"), figures) == many
    with pytest.raises(KeyError):
        quotes.renewed("1<!-- gone / p50 ms -->", figures)
