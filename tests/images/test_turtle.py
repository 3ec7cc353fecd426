"""Turtle graphics of the Python image, with this machine's turtles."""

import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "images/python/turtle.py", tmp_path)
    shutil.copy(Path(sysconfig.get_path("stdlib"), "turtle.py"), tmp_path / "turtle_on_tk.py")
    return tmp_path


def run(folder: Path, program: str, stdin: str = "") -> str:
    """Run a program, and return its output."""
    (folder / "main.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=folder, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


def drawing(folder: Path) -> list[ET.Element]:
    """Return what was drawn, without the background and what is invisible."""
    root = ET.parse(folder / "turtle.svg").getroot()  # noqa: S314  our own
    return [each for each in root[1:] if {each.get("fill"), each.get("stroke")} != {"none"}]


def test_lines_areas_and_turtles(folder: Path) -> None:
    run(
        folder,
        "import turtle\n"
        "turtle.color('Light Blue', '#f80'); turtle.pensize(3)\n"
        "turtle.begin_fill()\n"
        "for _ in range(4): turtle.forward(100); turtle.left(90)\n"
        "turtle.end_fill()\n",
    )
    area, line, arrow = drawing(folder)
    assert (area.tag, area.get("fill"), area.get("stroke")) == (f"{SVG}polygon", "#f80", "none")
    assert (line.tag, line.get("fill"), line.get("stroke")) == (
        f"{SVG}polyline",
        "none",
        "lightblue",
    )
    assert line.get("stroke-width") == "3"
    points = [round(float(each)) for each in line.get("points", "").split()]
    assert points == [0, 0, 100, 0, 100, -100, 0, -100, 0, 0]
    assert (arrow.get("fill"), arrow.get("stroke")) == ("#f80", "lightblue")


def test_texts_dots_and_stamps(folder: Path) -> None:
    run(
        folder,
        "from turtle import *\n"
        "hideturtle(); penup()\n"
        "write('<1>\\n&2', align='center', font=('Arial', 12, 'bold')); dot(9, 'red'); stamp()\n"
        "setup(300, 200); bgcolor('gray50'); done()\n",
    )
    root = ET.parse(folder / "turtle.svg").getroot()  # noqa: S314
    assert root.get("viewBox") == "-150 -100 300 200"
    assert root[0].get("fill") == "#7f7f7f"
    text, dot, stamp = drawing(folder)
    assert [line.text for line in text] == ["<1>", "&2"]
    assert (text.get("text-anchor"), text.get("font-size")) == ("middle", "16px")
    assert (dot.get("stroke"), dot.get("stroke-width")) == ("red", "9")
    assert stamp.tag == f"{SVG}polygon"


@pytest.mark.parametrize("end", ["", "t.done()", "t.mainloop()", "t.exitonclick()", "t.bye()"])
def test_it_is_saved_however_the_program_ends(folder: Path, end: str) -> None:
    run(folder, f"import turtle as t\nt.tracer(0); t.hideturtle(); t.circle(50)\n{end}")
    (line,) = drawing(folder)
    assert len(line.get("points", "").split()) > 20


def test_questions_are_asked_on_stdin(folder: Path) -> None:
    asked = (
        "import turtle\n"
        "print(turtle.textinput('', 'Name?'), turtle.numinput('', 'Size?'), turtle.numinput('', '?'))"
    )
    assert run(folder, asked, "Ada\n2.5\n") == "Name? Size? ? Ada 2.5 None\n"


def test_what_nobody_does_does_no_harm(folder: Path) -> None:
    run(
        folder,
        "import turtle\n"
        "turtle.onkey(print, 'a'); turtle.onscreenclick(print); turtle.onclick(print)\n"
        "turtle.ontimer(print, 10); turtle.listen(); turtle.mainloop()\n",
    )
    assert drawing(folder)


def test_errors_are_those_of_a_turtle(folder: Path) -> None:
    said = run(
        folder,
        "import sys, turtle\n"
        "try: turtle.color('nosuch')\n"
        "except turtle.TurtleGraphicsError as error: print(error)\n"
        "print('tkinter' in sys.modules)",  # the stand-in is nobody else's
    )
    assert said == "bad color string: nosuch\nFalse\n"


def test_without_a_turtle_there_is_no_file(folder: Path) -> None:
    run(folder, "import turtle\nprint(turtle.Vec2D(1, 2))")
    assert not (folder / "turtle.svg").exists()


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "turtle.svg").mkdir()
    (folder / "main.py").write_text("import turtle\nturtle.forward(1)")
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "can't be saved" in done.stderr
