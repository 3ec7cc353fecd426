"""The files of a program in the playground: names, the disk, and the editor."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.playground.conftest import Playground, each_screen
from tests.support.server import Server

pytestmark = pytest.mark.engine

Visit = Callable[..., Playground]


def tabs(playground: Playground) -> Locator:
    return playground.page.get_by_role("list", name="Files").locator(".tab")


def menu(playground: Playground, name: str) -> None:
    playground.press(playground.page.locator("#file-menu summary"))
    playground.expect_usable()
    playground.press(playground.button(name))


@each_screen
def test_a_file_is_added(server: Server, visit: Visit) -> None:
    playground = visit(server)
    type_ = playground.page.keyboard.type
    note = playground.page.locator("#file-note")
    playground.write("print(open('data.csv').read())")
    playground.press(playground.button("Add a file"))
    for name, words in (
        ("main.py", "There is a file called main.py already"),
        ("/etc/passwd", "leave out the slash at its start"),
        ("../x", "leave out .."),
        ("x" * 256, "255 bytes at most; this one has 256"),
    ):
        playground.page.get_by_label("Name of the file").fill(name)
        expect(note).to_contain_text(words)
        expect(note).to_be_in_viewport(ratio=1)
        playground.expect_usable()
        playground.page.keyboard.press("Enter")
        expect(tabs(playground)).to_have_text(["main.py"])
    playground.page.get_by_label("Name of the file").fill("")
    type_("data.csv")
    expect(note).to_be_empty()
    playground.page.keyboard.press("Enter")
    expect(tabs(playground)).to_have_text(["main.py", "data.csv"])
    expect(playground.editor).to_be_focused()
    type_("1,2")
    playground.press(playground.run_button)
    expect(playground.terminal).to_contain_text("1,2")
    playground.press(playground.button("Add a file"))
    type_("other")
    playground.page.keyboard.press("Escape")
    expect(tabs(playground)).to_have_text(["main.py", "data.csv"])


@each_screen
def test_files_of_the_disk(server: Server, visit: Visit, tmp_path: Path) -> None:
    playground = visit(server)
    picture = b"\x89PNG\r\n\x00\xff"
    with playground.page.expect_file_chooser() as chooser:
        menu(playground, "Open files …")
    (tmp_path / "a.txt").write_text("grün")
    (tmp_path / "b.png").write_bytes(picture)
    chooser.value.set_files([tmp_path / "a.txt", tmp_path / "b.png"])
    expect(tabs(playground)).to_have_text(["main.py", "a.txt", "b.png"])
    expect(playground.editor).to_contain_text("This file of 8 bytes is no text")
    tabs(playground).first.click()
    playground.run("print(open('a.txt').read(), open('b.png', 'rb').read())")
    expect(playground.terminal).to_contain_text(f"grün {picture!r}")
    playground.expect_usable()
    with playground.page.expect_download() as download:
        menu(playground, "Download all")
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["main.py", "a.txt", "b.png"]
        assert (archive.read("a.txt"), archive.read("b.png")) == ("grün".encode(), picture)
    tabs(playground).nth(1).click()
    with playground.page.expect_download() as download:
        menu(playground, "Download this file")
    assert download.value.suggested_filename == "a.txt"
    assert Path(download.value.path()).read_text() == "grün"
    # A link has them, too.
    playground.button("Share").click()
    link = playground.page.get_by_label("Link", exact=True)
    expect(link).not_to_have_value("")
    other = visit(server, link.input_value().removeprefix(server.url))
    other.run_button.click()
    expect(other.terminal).to_contain_text(f"grün {picture!r}")


@each_screen
def test_files_that_are_dropped(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.write("print('before')")
    playground.editor.evaluate("""editor => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["dropped"], "data.txt"));
        dataTransfer.items.add(new File(["print(open('data.txt').read())"], "main.py"));
        for (const type of ["dragover", "drop"]) {
            editor.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer}));
        }
    }""")
    expect(tabs(playground)).to_have_text(["main.py", "data.txt"])
    expect(playground.editor).to_have_text("print(open('data.txt').read())")
    playground.run_button.click()
    expect(playground.terminal).to_contain_text("dropped")


@each_screen
def test_back_to_the_starter(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.write("print('mine')")
    menu(playground, "Back to the starter")
    expect(playground.editor).to_have_text("print('mine')")
    playground.press(playground.button("Discard these files?"))
    expect(playground.editor).to_be_focused()
    expect(playground.editor).to_contain_text("What is your name?")
    playground.page.reload()
    expect(playground.editor).to_contain_text("What is your name?")


@each_screen
def test_find_replace_and_completion(server: Server, visit: Visit, axe: str) -> None:
    playground = visit(server)
    press = playground.page.keyboard.press
    playground.write("number = 1\nprint(number)\n")
    playground.page.keyboard.type("num")
    expect(playground.page.get_by_role("option", name="number")).to_be_visible()
    press("Tab")
    expect(playground.editor).to_have_text("number = 1print(number)number")
    press("ControlOrMeta+F")
    playground.page.get_by_placeholder("Find").fill("number")
    playground.page.get_by_placeholder("Replace").fill("n")
    playground.expect_usable(axe)
    playground.press(playground.button("replace all"))
    expect(playground.editor).to_have_text("n = 1print(n)n")
    press("Escape")
    expect(playground.page.get_by_placeholder("Find")).to_have_count(0)


@each_screen
def test_from_an_error_to_its_line(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run("def f():\n    return 1 / 0\n\nprint('hi')\nf()")
    expect(playground.verdict).to_have_text("Exit code 1")
    expect(playground.button("Go to line 2 of main.py")).to_be_visible()
    playground.expect_result_in_sight("ZeroDivisionError")
    playground.expect_usable()
    playground.press(playground.button("Go to line 2 of main.py"))
    expect(playground.editor).to_be_focused()
    expect(playground.page.locator(".cm-activeLine")).to_have_text("    return 1 / 0")
    expect(playground.page.locator(".cm-activeLine")).to_be_in_viewport()
    playground.page.get_by_label("Language").select_option(label="C")
    playground.run("int main(void) {\n  return x;\n}")
    expect(playground.verdict).to_have_text("Not compiled: exit code 1")
    # In the output, too.
    expect(playground.terminal).to_contain_text("main.c:2")
    playground.press_output("main.c:2", is_link=True)
    expect(playground.page.locator(".cm-activeLine")).to_have_text("  return x;")


@each_screen
def test_the_starter_of_javascript_takes_both_kinds_of_modules(
    server: Server, visit: Visit
) -> None:
    playground = visit(server)
    playground.choose("JavaScript")
    expect(playground.editor).to_contain_text("process.stdin")
    for line in ("const fs = require('node:fs');", "import fs from 'node:fs';"):
        playground.press(playground.editor)
        playground.page.keyboard.press("ControlOrMeta+Home")
        playground.page.keyboard.insert_text(f"{line} console.log(typeof fs.readFileSync);\n")
        playground.press(playground.run_button)
        expect(playground.terminal).to_contain_text("function")
        expect(playground.input).to_be_focused()
        playground.page.keyboard.type("Ada\n")
        expect(playground.terminal).to_contain_text("Hello, Ada!")
        expect(playground.verdict).to_have_text("Exit code 0")
        playground.expect_result_in_sight("Hello, Ada!")
        menu(playground, "Back to the starter")
        playground.press(playground.button("Discard these files?"))
    playground.expect_usable()


@each_screen
def test_tabs_of_long_names(server: Server, visit: Visit) -> None:
    """A long name is cut off, the tab that is shown is in sight, and its cross is at hand."""
    playground = visit(server)
    for name in ("a.txt", f"{'long-' * 12}name.json", "data/of/the/program.csv"):
        playground.press(playground.button("Add a file"))
        playground.page.keyboard.type(name)
        playground.page.keyboard.press("Enter")
        tab = playground.page.locator(".tab[aria-current]")
        expect(tab).to_have_text(name)
        expect(tab).to_be_in_viewport(ratio=1)
        expect(playground.button(f"Close {name}")).to_be_in_viewport(ratio=1)
        playground.expect_usable()
    playground.press(playground.button(f"Close {'long-' * 12}name.json"))
    expect(tabs(playground)).to_have_text(["main.py", "a.txt", "data/of/the/program.csv"])
