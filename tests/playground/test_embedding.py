"""The playground in a frame of another site."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.playground.conftest import LOOK, Playground, Screen, each_screen
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
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    options: dict[str, Any] = {}
    if "screen" in request.fixturenames:
        options = request.getfixturevalue("screen").options
    page = browser.new_page(**options)
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


@each_screen
def test_a_site_that_is_named_shows_it(
    serve: Callable[..., Server], site: Site, page: Page
) -> None:
    server = serve(embed_origins=f"https://school.example {site.origin}")
    page.goto(site.write("page.html", example(server)))
    frame = page.frame_locator("#exercise")
    expect(frame.locator(".cm-content")).to_contain_text("for i in range(3):")
    heading = frame.get_by_role("heading", name="BitRun")
    assert heading.evaluate("it => it.offsetWidth") == 1  # for screen readers only
    frame.get_by_role("button", name="Run", exact=True).click()
    expect(frame.locator("#verdict")).to_have_text("Exit code 0")
    expect(frame.locator("#terminal .xterm-rows")).to_contain_text("012")
    # All of it is in the frame: nothing scrolls.
    sizes = frame.locator("html").evaluate(
        "root => [root.scrollHeight <= innerHeight, root.scrollWidth <= innerWidth]"
    )
    assert sizes == [True, True]
    assert frame.locator("html").evaluate(LOOK) == []


@pytest.mark.parametrize("height", [400, 600])
def test_in_a_narrow_frame(  # noqa: PLR0917  fixtures
    serve: Callable[..., Server], site: Site, page: Page, axe: str, screen: Screen, height: int
) -> None:
    """All of it can be used in 320 pixels, though a low frame scrolls."""
    server = serve(embed_origins=site.origin)
    content = example(server).replace('width="100%" height="600"', f'width="320" height="{height}"')
    page.goto(site.write("page.html", content))
    frame = page.frame_locator("#exercise")
    root = frame.locator("html")
    press = Locator.tap if screen.touch else Locator.click
    expect(frame.locator(".cm-content")).to_contain_text("for i in range(3):")
    frame.locator(".cm-content").press("ControlOrMeta+End")
    page.keyboard.insert_text("open('a.txt', 'w').write('x'); print('the', 'end')")
    press(frame.get_by_role("button", name="Run", exact=True))
    expect(frame.locator("#verdict")).to_have_text("Exit code 0")
    expect(frame.get_by_role("link", name="Download a.txt")).to_be_visible()
    for part in (
        frame.locator("#verdict"),
        frame.locator("#terminal .xterm-rows > div").filter(has_text="the end").last,
    ):
        expect(part).to_be_in_viewport(ratio=1)
    assert root.evaluate(LOOK) == []
    # What opens has its place.
    press(frame.get_by_text("Arguments and input"))
    expect(frame.get_by_label("Input", exact=True)).to_be_visible()
    press(frame.locator("#file-menu summary"))
    assert root.evaluate(LOOK) == []
    press(frame.locator("#file-menu summary"))
    press(frame.get_by_role("button", name="Share"))
    expect(frame.locator("#link")).to_be_focused()  # and not later, in place of the editor
    frame.locator(".cm-content").press("ControlOrMeta+F")
    expect(frame.get_by_placeholder("Replace")).to_be_visible()
    assert root.evaluate(LOOK) == []
    root.evaluate(f"(_) => {{ {axe} }}")
    found = root.evaluate("() => axe.run().then(result => result.violations)")
    assert [(it["id"], [node["html"] for node in it["nodes"]]) for it in found] == []
    height_of_editor = frame.locator(".cm-scroller").evaluate("it => it.clientHeight")
    assert height_of_editor > 60  # two lines and more


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


@each_screen
def test_the_language_of_the_address(server: Server, visit: Visit) -> None:
    playground = visit(server, "/?lang=py&compact")
    expect(playground.page.get_by_label("Language")).to_have_value("python")
    playground.write("print('mine')")
    playground.expect_usable()
    playground.page.goto("/?lang=ruby")
    expect(playground.page.get_by_label("Language")).to_have_value("ruby")
    playground.page.goto("/?lang=py&compact")
    expect(playground.editor).to_have_text("print('mine')")
    playground.button("Share").click()
    link = playground.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile(rf"^{re.escape(server.url)}/#program="))
    playground.page.goto("/?lang=klingon")
    expect(playground.verdict).to_have_text("There is no language called klingon here")
