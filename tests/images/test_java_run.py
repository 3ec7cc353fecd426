"""`java-run`: where a Java program gets its copy, and how it is started; without Java."""

import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SCRIPT = ROOT / "images" / "java" / "java-run"

MAIN = "public class Main { public static void main(String[] args) {} }"
FOO = "public class Foo { public static void main(String[] args) {} }"
UNNAMED = "int x = 1;\nvoid main() {}"
HELPER_FIRST = "class Helper { int main; }\n" + FOO
TRICKS = r'''/* class No { void main( */ // class No { void main(
package  a . b ; import java.util.List;
/**
 * It's "quoted. class No { void main(
 */
@SuppressWarnings({"class No {", "x"})
class Helper { char c = '{'; char q = '"'; char e = '\''; String s = "}\"{"; String t = """
    } class No { void main( """; }
record Point(int x) {}
class Start { static class Inner {} int i = domain(1); static void main (String... args) {} }
'''


@pytest.mark.parametrize(
    ("files", "started"),
    [
        ({"Main.java": MAIN}, "Main.java"),
        ({"Other.java": FOO}, "Other.java"),
        ({"file0.java": FOO}, "Foo.java"),
        ({"my-program.java": FOO}, "Foo.java"),
        ({"file0.java": UNNAMED}, "Main.java"),
        ({"1.java": UNNAMED}, "Main.java"),
        ({"Own.java": UNNAMED}, "Own.java"),
        ({"src/Main.java": MAIN}, "src/Main.java"),
        ({"Main.java": "package a.b;\n" + MAIN}, "a/b/Main.java"),
        ({"file0.java": "package a;" + FOO}, "a/Foo.java"),
        ({"src/a/b/Main.java": "package a.b;\n" + MAIN}, "src/a/b/Main.java"),
        ({"src/Main.java": "package a.b;\n" + MAIN}, "src/a/b/Main.java"),
        ({"Main.java": HELPER_FIRST}, "-cp /tmp/classes Foo of Foo.java"),
        ({"Foo.java": HELPER_FIRST}, "-cp /tmp/classes Foo of Foo.java"),
        ({"Main.java": TRICKS}, "-cp /tmp/classes a.b.Start of a/b/Start.java"),
        ({"Main.java": "no Java", "Foo.java": FOO}, "Main.java"),
        ({"-x.java": FOO}, "Foo.java"),
    ],
)  # fmt: skip
def test_start(tmp_path: Path, files: dict[str, str], started: str) -> None:
    assert run(tmp_path, files) == started
    for name, content in files.items():
        assert (tmp_path / "box" / name).read_text() == content


def test_files_of_the_package_go_with_it(tmp_path: Path) -> None:
    files = {
        "Main.java": "package a.b;\n" + MAIN,
        "Helper.java": "/* its */ package a.b;\nclass Helper {}",
        "Other.java": "package a.c;\nclass Other {}",
        "Default.java": "class Default {}",
    }
    assert run(tmp_path, files) == "a/b/Main.java"
    copies = {path.name for path in (tmp_path / "box" / "a" / "b").iterdir()}
    assert copies == {"Main.java", "Helper.java"}


def test_no_file_is_replaced(tmp_path: Path) -> None:
    files = {"file0.java": FOO, "Foo.java": "class Foo {}"}
    assert run(tmp_path, files) == "file0.java"


def run(folder: Path, files: dict[str, str]) -> str:
    """Run the first file with a Java that prints its arguments, and return those after the options."""
    box, tools = folder / "box", folder / "tools"
    tools.mkdir()
    java = tools / "java"
    java.write_text('#!/bin/sh\necho "$@"\n')
    java.chmod(0o755)
    for name, content in files.items():
        path = box / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    main = next(iter(files))
    done = subprocess.run(
        [SCRIPT, f"./{main}" if main.startswith("-") else main, "argument"],
        cwd=box,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    *compiled, started = (
        line.split("-XX:MaxRAMPercentage=60 ")[1] for line in done.stdout.splitlines()
    )
    started = started.removesuffix(" argument").removeprefix("./")
    for line in compiled:
        started += f" of {line.split(' -d /tmp/classes ')[1].removeprefix('./')}"
    return started
