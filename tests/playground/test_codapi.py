"""The widget of codapi, as npm has it, in a page of another site: run, edit, errors, files.

It is here for the browser; the playground has no part in it.
"""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.needs import need_node_modules
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.site import Site
from tests.support.tokens import RUN

pytestmark = pytest.mark.engine

# As docs/from-codapi.md shows it, with the scripts from beside the page.
PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
{snippets}
<script src="node_modules/@antonz/codapi/dist/settings.js"></script>
<script src="node_modules/@antonz/codapi/dist/snippet.js"></script>
<codapi-settings url="{url}"></codapi-settings>
"""
PYTHON = """<pre id="code">print("Hello")</pre>
<codapi-snippet sandbox="python" editor="basic"></codapi-snippet>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    for path in (ROOT / "tests" / "clients").glob("package*.json"):
        shutil.copy(path, folder)
    need_node_modules(folder)
    site = Site(folder)
    yield site
    site.close()


@pytest.fixture
def service(share: Callable[..., Server]) -> Server:
    return share(dialects="codapi", api_tokens=RUN, run_timeout=30_000)


@pytest.fixture
def visit(browser: Browser, site: Site, service: Server) -> Iterator[Callable[..., Page]]:
    pages = []

    def visit(snippets: str, token: str = RUN) -> Page:
        url = f"{service.url}/codapi/v1/exec?api_token={token}#"
        page = browser.new_page()
        pages.append(page)
        page.set_default_timeout(20_000)
        page.goto(site.write("page.html", PAGE.format(snippets=snippets, url=url)))
        return page

    expect.set_options(timeout=40_000)
    yield visit
    for page in pages:
        page.close()


def run(page: Page) -> tuple[Locator, Locator]:
    """Press Run; return the widget's status and its output."""
    page.get_by_role("button", name="Run").click()
    return page.locator("codapi-status"), page.locator("codapi-output code")


def test_run_and_edit(visit: Callable[..., Page]) -> None:
    page = visit(PYTHON)
    status, output = run(page)
    expect(output).to_have_text("Hello\n")
    expect(status).to_have_text(re.compile("Done"))
    page.get_by_text("Edit").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text('print("Changed")')
    page.keyboard.press("ControlOrMeta+Enter")
    expect(output).to_have_text("Changed\n")


def test_a_program_that_fails(visit: Callable[..., Page]) -> None:
    status, output = run(visit(PYTHON.replace("print", 'print("before"); prnt')))
    expect(status).to_have_text(re.compile("Failed"))
    expect(output).to_contain_text("before")
    expect(output).to_contain_text("NameError: name 'prnt' is not defined")
    expect(output).to_contain_text("Exited with error status 1")


def test_files_a_template_and_a_command(visit: Callable[..., Page], site: Site) -> None:
    site.write("numbers.h", "#define FOUR 4\n")
    site.write("main.txt", '#include <stdio.h>\n#include "numbers.h"\nint main() { ##CODE## }\n')
    page = visit("""<pre>printf("%d", FOUR);</pre>
        <codapi-snippet sandbox="c" files="numbers.h" template="main.txt"
            actions="Check:compile"></codapi-snippet>""")
    status, output = run(page)
    expect(output).to_have_text("4")
    page.get_by_text("Check").click()
    expect(output).to_have_text("ok")  # the widget's word for no output
    expect(status).to_have_text(re.compile("Done"))


@pytest.mark.parametrize(
    ("sandbox", "token", "sentence"),
    [("klingon", RUN, "404 - Unknown sandbox or command."), ("python", "x", "401 - Something")],
)
def test_what_is_refused(
    visit: Callable[..., Page], sandbox: str, token: str, sentence: str
) -> None:
    page = visit(PYTHON.replace('"python"', f'"{sandbox}"'), token)
    status, output = run(page)
    expect(status).to_have_text(re.compile("Failed"))
    expect(output).to_contain_text(sentence)
