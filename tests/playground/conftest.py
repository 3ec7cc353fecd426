"""Fixtures: the playground in a real browser, Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.support.needs import need, need_node_modules
from tests.support.paths import ROOT
from tests.support.server import Server

LOOK = Path(__file__).with_name("look.js").read_text()
# Where a text of the terminal is: a little after its start.
PLACE = """\
(rows, text) => {
  const last = [...rows.querySelectorAll("*")].filter((node) => node.textContent.includes(text)).pop();
  last.scrollIntoView({ block: "nearest", behavior: "instant" });
  const { left, top } = last.getBoundingClientRect();
  return [left + 22, top + 5];
}"""
SOURCES = ROOT / "playground"
CLIENT = ROOT / "clients" / "javascript"  # which the page uses


@pytest.fixture(scope="package")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with the packages of their lock file installed."""
    root = tmp_path_factory.mktemp("playground")
    folder = root / "playground"
    for path in (SOURCES, CLIENT):
        shutil.copytree(
            path,
            root / path.relative_to(ROOT),
            ignore=shutil.ignore_patterns("node_modules", "dist"),
        )
    need_node_modules(folder)
    return folder


# Not for the whole session: Playwright keeps an event loop running, so no other test could.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = need("chromium", "chromium", "fonts-inter", "fonts-noto-mono")
    environment: dict[str, str | float | bool] = dict(os.environ)
    environment["FONTCONFIG_FILE"] = str(Path(__file__).with_name("fonts.conf"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"], env=environment
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class Screen:
    """The window of a user: a size, a colour scheme, and a mouse or fingers."""

    width: int
    height: int
    scheme: Literal["light", "dark"]
    touch: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The options of a browser context."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": self.scheme,
            "is_mobile": self.touch,
            "has_touch": self.touch,
        }


DESKTOP = Screen(1280, 800, "light")
SCREENS = {
    "desktop-light": DESKTOP,
    "phone-dark": Screen(360, 740, "dark", touch=True),
    # Another layout, or other colours, than those above; `make chaos` adds them.
    "desktop-dark": Screen(1280, 800, "dark"),
    "phone-light": Screen(360, 740, "light", touch=True),
}


@pytest.fixture(
    params=[
        pytest.param(screen, id=name, marks=pytest.mark.chaos if number >= 2 else ())
        for number, (name, screen) in enumerate(SCREENS.items())
    ]
)
def screen(request: pytest.FixtureRequest) -> Screen:
    """Each of the four screens that `visit` then opens pages on."""
    found: Screen = request.param
    return found


each_screen = pytest.mark.usefixtures("screen")


@pytest.fixture(scope="package")
def axe(node_modules: Path) -> str:
    """The script of axe-core, which finds what hinders users."""
    return (node_modules / "node_modules/axe-core/axe.min.js").read_text()


class Playground:
    """The page, and the parts of it that a user sees."""

    def __init__(self, page: Page, complaints: list[str], screen: Screen = DESKTOP) -> None:
        self.page = page
        self.complaints = complaints
        self.screen = screen
        self.editor = page.locator(".cm-content")
        self.terminal = page.locator("#terminal .xterm-rows")
        self.input = page.get_by_label("Input for the program")
        self.verdict = page.locator("#verdict")
        self.measured = page.locator("#measured")
        self.run_button = page.get_by_role("button", name="Run", exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def open(self, path: str = "/") -> "Playground":
        self.page.goto(path)
        expect(self.run_button).to_be_enabled()
        expect(self.editor).not_to_be_empty()
        return self

    def press(self, control: Locator) -> None:
        """Tap a control, or click it with a mouse."""
        if self.screen.touch:
            control.tap()
        else:
            control.click()

    def press_output(self, text: str, *, is_link: bool) -> None:
        """Tap or click a text in the terminal, which draws its rows anew at any moment."""
        x, y = self.terminal.evaluate(PLACE, text)
        if self.screen.touch:
            self.page.touchscreen.tap(x, y)
            return
        # A link is found when the pointer moves over it.
        self.page.mouse.move(x - 2, y)
        expect(self.page.locator("#terminal .xterm-cursor-pointer")).to_have_count(int(is_link))
        self.page.mouse.click(x, y)

    def choose(self, language: str) -> None:
        self.page.get_by_label("Language").select_option(label=language)

    def write(self, text: str) -> None:
        """Replace the text in the editor by a program."""
        self.press(self.editor)
        self.page.keyboard.press("ControlOrMeta+A")
        # Typed over a selection, Chromium would add inline styles, which the policy blocks.
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def give_input(self, text: str) -> None:
        """Fill in the complete stdin, so that the program has pipes and no terminal."""
        self.page.locator("#inputs").evaluate("details => { details.open = true }")
        self.page.get_by_label("Input", exact=True).fill(text)

    def run(self, text: str) -> None:
        self.write(text)
        if self.screen.touch:
            self.run_button.tap()
        else:
            self.page.keyboard.press("ControlOrMeta+Enter")

    def expect_usable(self, axe: str = "") -> None:
        """Fail if something is cut off, covered or illegible; with axe-core, if it hinders anyone."""
        assert self.page.evaluate(LOOK) == []
        if axe:
            self.page.evaluate(axe)
            found = self.page.evaluate("axe.run().then(result => result.violations)")
            assert [(it["id"], [node["html"] for node in it["nodes"]]) for it in found] == []

    def expect_result_in_sight(self, last_line: str = "") -> None:
        """Fail if the status or the last line of the output is out of sight."""
        expect(self.page.locator(".result")).to_be_in_viewport(ratio=1)
        if last_line:
            line = self.terminal.locator("> div").filter(has_text=last_line).last
            expect(line).to_be_in_viewport(ratio=1)

    def stderr(self) -> str:
        """Return the visible output in the colour of stderr."""
        return "".join(self.terminal.locator(".xterm-fg-1").all_text_contents()).rstrip()

    def lines(self) -> list[str]:
        """Return the visible lines of the terminal, without the empty ones at its end."""
        shown = self.terminal.locator("> div").all_text_contents()
        return "\n".join(line.rstrip() for line in shown).rstrip("\n").split("\n")


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Callable[..., Playground]]:
    """Open pages of servers. None may send requests to another host, or violate its policy."""
    screen = DESKTOP
    if "screen" in request.fixturenames:
        screen = request.getfixturevalue("screen")
    contexts = []
    complaints: list[str] = []

    def visit(server: Server, path: str = "/", **options: Any) -> Playground:
        context = browser.new_context(base_url=server.url, **(screen.options | options))
        contexts.append(context)
        websocket = server.url.replace("http", "ws")
        ours = tuple(f"{each}/" for each in (server.url, websocket, f"blob:{server.url}"))

        def check(url: str) -> None:
            if not url.startswith(ours):
                complaints.append(f"request to another host: {url}")

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                complaints.append(message.text)

        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda request: check(request.url))
        page.on("websocket", lambda websocket: check(websocket.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        return Playground(page, complaints, screen).open(path)

    expect.set_options(timeout=40_000)
    yield visit
    for context in contexts:
        context.close()
    assert complaints == []
