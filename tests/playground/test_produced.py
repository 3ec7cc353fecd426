"""What a program has made, in the playground: pictures on the screen, files to download."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.playground.conftest import Playground, Screen
from tests.support.server import Server

pytestmark = pytest.mark.engine

Visit = Callable[..., Playground]

# A picture of 4 by 2 pixels, made without a library.
PNG = """
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def png(name, width, height):
    rows = (b"\\0" + b"\\xf0\\x30\\x30" * width) * height
    with open(name, "wb") as file:
        file.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
"""


def pictures(playground: Playground) -> Locator:
    return playground.page.locator("#produced img")


def links(playground: Playground) -> Locator:
    return playground.page.locator("#produced a")


def expect_picture(playground: Playground, name: str) -> Locator:
    """Wait until a picture is decoded and on the screen."""
    picture = playground.page.get_by_role("img", name=f"Picture {name}", exact=True)
    expect(picture).to_be_visible()
    expect(picture).to_be_in_viewport()
    playground.page.wait_for_function(
        "picture => picture.complete && picture.naturalWidth > 0", arg=picture.element_handle()
    )
    return picture


def test_pictures_and_other_files(server: Server, visit: Visit, tmp_path: Path) -> None:
    playground = visit(server)
    playground.run(
        f"{PNG}\nimport os\npng('4.png', 4, 2); os.mkdir('out'); png('out/9.png', 9, 2)\n"
        "open('a.csv', 'w').write('ä,1\\n' * 700); os.symlink('a.csv', 'b.csv'); print('made')"
    )
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.terminal).to_contain_text("made")
    for name, width in (("4.png", 4), ("out/9.png", 9)):
        assert expect_picture(playground, name).evaluate("it => it.naturalWidth") == width
    expect(links(playground)).to_have_text(["4.png", "a.csv", "out/9.png"])
    expect(playground.page.locator("#produced")).to_contain_text("a.csv 3.4 KiB")
    expect(playground.page.locator("#produced")).to_contain_text("b.csv: It is a link")
    expect(playground.page.get_by_role("status").filter(has_text="3 files")).to_have_count(1)
    with playground.page.expect_download() as download:
        playground.page.get_by_role("link", name="Download out/9.png").click()
    assert download.value.suggested_filename == "9.png"
    with playground.page.expect_download() as download:
        link = playground.page.get_by_role("link", name="Download a.csv")
        link.focus()
        playground.page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_text() == "ä,1\n" * 700
    playground.run("print('next')")
    expect(playground.terminal).to_contain_text("next")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.page.locator("#produced")).to_be_hidden()
    expect(pictures(playground)).to_have_count(0)


def test_a_program_without_files_shows_none(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run("open('a.out', 'w').write('x')")
    expect(playground.verdict).to_have_text("Exit code 0")
    expect(playground.page.locator("#produced")).to_be_hidden()


def test_turtles_draw(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run(
        "import turtle\nfor _ in range(4): turtle.forward(90); turtle.left(90)\nturtle.done()"
    )
    expect(playground.verdict).to_have_text("Exit code 0")
    assert expect_picture(playground, "turtle.svg").evaluate("it => it.naturalWidth") == 800


def test_a_file_that_is_large_comes_in_parts(server: Server, visit: Visit) -> None:
    playground = visit(server)
    playground.run(
        f"{PNG}\nimport os, random\npng('a.png', 2000, 2000)\n"
        "open('b.zip', 'wb').write(random.Random(1).randbytes(5_000_000))"
    )
    expect(playground.verdict).to_have_text("Exit code 0")
    assert expect_picture(playground, "a.png").evaluate("it => it.naturalHeight") == 2000
    expect(playground.page.locator("#produced")).to_contain_text("b.zip 4.8 MiB")


def test_a_picture_fits(server: Server, visit: Visit, axe: str, screen: Screen) -> None:
    playground = visit(server)
    playground.run(
        f"{PNG}\npng('wide.png', 3000, 200)\nimport os, turtle\nturtle.done()\n"
        "os.symlink('x', 'b.png'); print('made')"
    )
    expect(playground.verdict).to_have_text("Exit code 0")
    expect_picture(playground, "turtle.svg")
    picture = playground.page.get_by_role("img", name="Picture wide.png", exact=True)
    box = picture.bounding_box()
    assert box is not None
    assert 200 < box["width"] <= screen.width
    playground.expect_usable(axe)


@pytest.mark.attack(
    "program",
    "pictures that hold scripts, links or nothing, in the playground",
    "shown, or left out",
)
def test_pictures_do_nothing(server: Server, visit: Visit) -> None:
    playground = visit(server)
    evil = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30" onload="parent.document.title=1">'
        '<script>document.title = parent.document.title = "taken"; fetch("http://example.com")</script>'
        '<image href="http://example.com/a.png"/><a href="javascript:alert(1)"><rect width="30" height="30"/></a></svg>'
    )
    playground.run(
        f"open('evil.svg', 'w').write('''{evil}''')\nopen('no.png', 'w').write('<script>alert(1)</script>')\n"
        f"open('<img src=x onerror=alert(1)>.html', 'w').write('<script>alert(1)</script>')"
    )
    expect(playground.verdict).to_have_text("Exit code 0")
    expect_picture(playground, "evil.svg").click()
    expect(pictures(playground)).to_have_count(1)  # what is no picture is not shown as one
    expect(links(playground)).to_have_text(
        ["<img src=x onerror=alert(1)>.html", "evil.svg", "no.png"]
    )
    assert playground.page.locator("#produced script, #produced svg, #produced iframe").count() == 0
    assert playground.page.title() == "BitRun"
    with playground.page.expect_download() as download:  # which it is, instead of a page to open
        links(playground).first.click()
    assert re.search(r"\.html$", download.value.suggested_filename)
    assert playground.page.url == f"{server.url}/"
