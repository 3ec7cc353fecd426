"""The terminal into a sandbox, in a browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.playground.conftest import Playground, Screen
from tests.support.sandboxes import PREFIX
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

Visit = Callable[..., Playground]


def sandboxes(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{server.url}{PREFIX}", timeout=60).json()
    return found


def test_a_shell_with_the_files(server: Server, visit: Visit, screen: Screen) -> None:
    playground = visit(server)
    playground.write("print('from the editor')")
    button = playground.button("Terminal")
    if screen.touch:
        button.tap()
    else:
        button.focus()
        playground.page.keyboard.press("Enter")
    expect(playground.verdict).to_have_text("Running …")
    expect(playground.input).to_be_focused()
    playground.page.keyboard.type("python3 *; echo $((6 * 7))\n")
    expect(playground.terminal).to_contain_text(re.compile("from the editor.*42"))
    playground.expect_result_in_sight("42")
    playground.expect_usable()
    (made,) = sandboxes(server)
    assert made["language"] == "python"
    colours = playground.page.evaluate(
        "() => [getComputedStyle(document.querySelector('#terminal .xterm-rows')).color,"
        " getComputedStyle(document.body).color]"
    )
    assert colours[0] == colours[1]
    playground.page.keyboard.type("exit 3\n")
    expect(playground.verdict).to_have_text("Exit code 3")
    expect(button).to_be_visible()
    assert wait_until(lambda: sandboxes(server) == [], 20)


def test_stop_ends_the_sandbox(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.button("Terminal").click()
    expect(playground.input).to_be_focused()
    expect(playground.button("Terminal")).to_be_hidden()
    playground.button("Stop").click()
    expect(playground.verdict).to_have_text("Stopped")
    assert wait_until(lambda: sandboxes(server) == [], 20)
    # A run in place of a shell ends it, too.
    playground.button("Terminal").click()
    expect(playground.input).to_be_focused()
    playground.run("print('ran')")
    expect(playground.verdict).to_have_text("Exit code 0")
    assert wait_until(lambda: sandboxes(server) == [], 20)


def test_a_page_that_is_left(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.button("Terminal").click()
    expect(playground.input).to_be_focused()
    (made,) = sandboxes(server)
    assert made["expires_after"]["minutes"] == 1
    playground.page.close()
    requests.delete(f"{server.url}{PREFIX}/{made['id']}", timeout=60)


def test_there_is_none_without_sandboxes(serve: Callable[..., Server], visit: Visit) -> None:
    for settings in ({"max_sandboxes": 0}, {"dialects": "v1,piston"}):
        playground = visit(serve(**settings))
        expect(playground.button("Terminal")).to_be_hidden()
        playground.run("print('ran')")
        expect(playground.verdict).to_have_text("Exit code 0")
        expect(playground.button("Terminal")).to_be_hidden()


def test_a_class_that_shares_its_sandboxes(serve: Callable[..., Server], visit: Visit) -> None:
    server = serve(max_sandboxes_per_client=1)
    made = requests.post(f"{server.url}{PREFIX}", json={"language": "python"}, timeout=60)
    assert made.ok
    playground = visit(server)
    playground.button("Terminal").click()
    expect(playground.verdict).to_have_text("Too many terminals are open. Try again later")
    assert all("429" in it for it in playground.complaints)  # the browser logs the refusal
    playground.complaints.clear()
