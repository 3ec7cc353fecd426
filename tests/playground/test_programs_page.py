"""The page of programs to try: each gives what the page says, and runs on the site by codapi's widget.

It is here for the browser; the playground has no part in it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.needs import need_node_modules
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.site import Site
from tests.support.tokens import RUN

pytestmark = pytest.mark.engine

PAGE = (ROOT / "docs" / "programs.md").read_text()
_FENCE = r"```{}\n((?:(?!```).*\n)*)```\n"
PROGRAMS = re.findall(
    _FENCE.format(r"(\w+)") + "<!-- run -->\n\n" + _FENCE.format("text"), PAGE, re.MULTILINE
)


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    return share(dialects="codapi", api_tokens=RUN, run_cpu_time=60_000)


def test_every_program_has_its_output() -> None:
    assert len(PROGRAMS) == PAGE.count("<!-- run -->") > 5


@pytest.mark.parametrize(("language", "source", "output"), PROGRAMS)
def test_a_program(server: Server, language: str, source: str, output: str) -> None:
    headers = {"Authorization": f"Bearer {RUN}"}
    body = {"sandbox": language, "files": {"": source}}
    url = f"{server.url}/codapi/v1/exec"
    reply = requests.post(url, json=body, headers=headers, timeout=120).json()
    shown = reply["stdout"] + reply["stderr"]
    assert shown.strip() == output.strip()


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_the_site_runs_them(server: Server, browser: Browser, tmp_path: Path) -> None:
    # As `make docs SERVICE=...` does, in a copy.
    copy = tmp_path / "copy"
    for name in ("docs", "tools"):
        ignored = shutil.ignore_patterns("node_modules")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.name not in ("docs", "tools", "build", ".git"):
            (copy / path.name).symlink_to(path)
    need_node_modules(copy / "tools" / "docs_site")
    service = f"{server.url}/codapi/v1/exec?api_token={RUN}#"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict"],
        cwd=copy,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "DOCS_SERVICE": service},
        check=True,
    )
    site = Site(copy / "build" / "docs")
    page = browser.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    try:
        page.goto(f"{site.origin}/programs/")
        snippets = page.locator("codapi-snippet")
        expect(snippets).to_have_count(len(PROGRAMS))
        for number, (_, _, output) in enumerate(PROGRAMS):
            snippet = snippets.nth(number)
            snippet.get_by_role("button", name="Run").click()
            shown = snippet.locator("codapi-output code")
            expect(shown).to_have_text(output.strip(), timeout=60_000)
        # And one that a reader has changed.
        snippet = snippets.first
        snippet.get_by_text("Edit").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.insert_text("print('a < b')")
        page.keyboard.press("ControlOrMeta+Enter")
        expect(snippet.locator("codapi-output code")).to_have_text("a < b\n", timeout=60_000)
    finally:
        page.close()
        site.close()
    assert {url for url in asked if not url.startswith((site.origin, server.url))} == set()
