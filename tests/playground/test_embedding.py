"""The playground in a frame of another site."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.playground.conftest import Playground
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.site import Site

pytestmark = pytest.mark.engine

Visit = Callable[..., Playground]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    expect.set_options(timeout=40_000)
    yield page
    page.close()


def example(server: Server) -> str:
    """Return the page of docs/embedding.md, with the address of a server."""
    found = re.search(
        r"```html\n(.*?)```",
        (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert found is not None
    assert "http://127.0.0.1:5000/" in found[1]
    return found[1].replace("http://127.0.0.1:5000", server.url)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_site_that_is_named_shows_it(
    serve: Callable[..., Server], site: Site, page: Page, width: int
) -> None:
    server = serve(embed_origins=f"https://school.example {site.origin}")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.write("page.html", example(server)))
    frame = page.frame_locator("#exercise")
    expect(frame.locator(".cm-content")).to_contain_text("for i in range(3):")
    expect(frame.get_by_role("heading", name="BitRun")).to_be_hidden()
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.locator("#verdict")).to_have_text("Exit code 0")
    expect(frame.locator("#terminal .xterm-rows")).to_contain_text("012")
    # All of it is in the frame: nothing scrolls.
    sizes = frame.locator("html").evaluate(
        "root => [root.scrollHeight <= innerHeight, root.scrollWidth <= innerWidth]"
    )
    assert sizes == [True, True]


@pytest.mark.attack(
    "request", "the playground in a frame of a site that is not named", "refused by the browser"
)
@pytest.mark.parametrize("origins", ["", "https://school.example"])
def test_no_other_site_shows_it(
    serve: Callable[..., Server], site: Site, page: Page, origins: str
) -> None:
    server = serve(embed_origins=origins)
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(site.write("page.html", example(server)))
    expect(page.frame_locator("#exercise").locator("#run")).to_have_count(0)


def test_the_language_of_the_address(server: Server, visit: Visit) -> None:
    playground = visit(server, "/?lang=py&compact")
    expect(playground.page.get_by_label("Language")).to_have_value("python")
    playground.write("print('mine')")
    playground.page.goto("/?lang=ruby")
    expect(playground.page.get_by_label("Language")).to_have_value("ruby")
    playground.page.goto("/?lang=py&compact")
    expect(playground.editor).to_have_text("print('mine')")
    playground.button("Share").click()
    link = playground.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile(rf"^{re.escape(server.url)}/#program="))
    playground.page.goto("/?lang=klingon")
    expect(playground.verdict).to_have_text("There is no language called klingon here")
