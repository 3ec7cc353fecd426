"""Takes the screenshots of the playground for the documentation: `make pictures`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.playground.conftest import Playground
from tests.support.server import Server

pytestmark = pytest.mark.engine

WIDE = {"viewport": {"width": 1280, "height": 720}, "device_scale_factor": 1.5}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
PROGRAM = """\
import random
import sys

secret = random.Random(7).randint(1, 100)
print("Guess my number, from 1 to 100.")

for tries in range(1, 8):
    try:
        guess = int(input(f"{tries}. "))
    except ValueError:
        print("That is no number.", file=sys.stderr)
        continue
    if guess == secret:
        print(f"\\033[1;32mRight!\\033[0m It took you {tries} tries.")
        break
    print("Higher." if guess < secret else "Lower.")
"""
ANSWERS = ["50", "sixty", "25", "42"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", WIDE | {"color_scheme": "light"}),
        ("dark", WIDE | {"color_scheme": "dark"}),
        ("phone", PHONE | {"color_scheme": "light"}),
    ],
)
def test_a_picture(  # noqa: PLR0917  fixtures
    request: pytest.FixtureRequest,
    server: Server,
    visit: Callable[..., Playground],
    tmp_path: Path,
    name: str,
    options: dict[str, Any],
) -> None:
    folder = request.config.getoption("--pictures") or tmp_path
    # Playwright adds a style of its own to the page for a screenshot.
    playground = visit(server, bypass_csp=True, **options)
    playground.run(PROGRAM)
    playground.page.locator("#terminal .xterm-screen").click()
    expect(playground.input).to_be_focused()
    for number, answer in enumerate(ANSWERS, start=1):
        expect(playground.terminal).to_contain_text(f"{number}. ")
        playground.page.keyboard.type(f"{answer}\n")
    expect(playground.verdict).to_have_text("Exit code 0")
    playground.page.evaluate("scrollTo(0, 0)")
    picture = folder / f"playground-{name}.png"
    playground.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000


PLOT = """\
import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(0, 4 * np.pi, 400)
plt.plot(x, np.sin(x), label="sin x")
plt.plot(x, np.sin(x) * np.exp(-x / 6), label="damped")
plt.title("Two waves")
plt.legend()
plt.show()
"""


@pytest.mark.chaos  # its package is none of the default ones, and takes minutes to build
@pytest.mark.timeout(1200)
def test_a_plot(
    request: pytest.FixtureRequest, server: Server, visit: Callable[..., Playground], tmp_path: Path
) -> None:
    folder = request.config.getoption("--pictures") or tmp_path
    subprocess.run([sys.executable, "-m", "bitrun", "install", "python-science"], check=True)
    playground = visit(server, bypass_csp=True, color_scheme="light", **WIDE)
    playground.page.get_by_label("Language").select_option(label="Python-science")
    playground.run(PLOT)
    expect(playground.verdict).to_have_text("Exit code 0")
    picture = playground.page.get_by_role("img", name="Picture figure-1.png")
    expect(picture).to_be_in_viewport()
    playground.page.wait_for_function("it => it.naturalWidth == 640", arg=picture.element_handle())
    playground.page.evaluate("scrollTo(0, 0)")
    playground.page.screenshot(path=folder / "playground-plot.png", full_page=True)
