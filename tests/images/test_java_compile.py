"""`java-compile`: where a Java program gets its copy, and which class is started; without Java."""

import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SCRIPT = ROOT / "images" / "java" / "java-compile"

MAIN = "public class Main { public static void main(String[] args) {} }"
FOO = "public class Foo { public static void main(String[] args) {} }"
UNNAMED = "int x = 1;\nrecord P(int x) {}\nvoid main() {}"
PUBLIC_OTHER = (
    "@A({}) public final class P {}\nclass Q { public static void main(String[] args) {} }"
)
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
    ("files", "file", "root", "started"),
    [
        ({"Main.java": MAIN}, "Main.java", ".", "Main"),
        ({"Other.java": FOO}, "Foo.java", ".", "Foo"),
        ({"file0.java": FOO}, "Foo.java", ".", "Foo"),
        ({"my-program.java": FOO}, "Foo.java", ".", "Foo"),
        ({"Other.java": "class Foo {}"}, "Other.java", ".", "Foo"),
        ({"file0.java": UNNAMED}, "Main.java", ".", "Main"),
        ({"1.java": UNNAMED}, "Main.java", ".", "Main"),
        ({"Own.java": UNNAMED}, "Own.java", ".", "Own"),
        ({"src/Main.java": MAIN}, "src/Main.java", "src", "Main"),
        ({"Main.java": "package a.b;\n" + MAIN}, "a/b/Main.java", ".", "a.b.Main"),
        ({"file0.java": "package a;" + FOO}, "a/Foo.java", ".", "a.Foo"),
        ({"a/b/Main.java": "package a.b;\n" + MAIN}, "a/b/Main.java", ".", "a.b.Main"),
        ({"src/a/b/Main.java": "package a.b;\n" + MAIN}, "src/a/b/Main.java", "src/", "a.b.Main"),
        ({"src/Main.java": "package a.b;\n" + MAIN}, "src/a/b/Main.java", "src", "a.b.Main"),
        ({"Main.java": HELPER_FIRST}, "Foo.java", ".", "Foo"),
        ({"Foo.java": HELPER_FIRST}, "Foo.java", ".", "Foo"),
        ({"Main.java": PUBLIC_OTHER}, "P.java", ".", "Q"),
        ({"Main.java": TRICKS}, "a/b/Start.java", ".", "a.b.Start"),
        ({"Main.java": "no Java", "Foo.java": FOO}, "Main.java", ".", "Main"),
        ({"-x.java": FOO}, "Foo.java", ".", "Foo"),
    ],
)
def test_what_is_compiled_and_started(
    tmp_path: Path, files: dict[str, str], file: str, root: str, started: str
) -> None:
    assert run(tmp_path, files) == f"-cp {root} {file}"
    assert (tmp_path / "box" / "out" / ".start").read_text() == f"{started}\n"
    for name, content in files.items():
        assert (tmp_path / "box" / name).read_text() == content


def test_files_of_the_package_go_with_it(tmp_path: Path) -> None:
    files = {
        "Main.java": "package a.b;\n" + MAIN,
        "Helper.java": "/* its */ package a.b;\nclass Helper {}",
        "Other.java": "package a.c;\nclass Other {}",
        "Default.java": "class Default {}",
    }
    assert run(tmp_path, files) == "-cp . a/b/Main.java"
    copies = {path.name for path in (tmp_path / "box" / "a" / "b").iterdir()}
    assert copies == {"Main.java", "Helper.java"}


def test_no_file_is_replaced(tmp_path: Path) -> None:
    files = {"file0.java": FOO, "Foo.java": "class Foo {}"}
    assert run(tmp_path, files) == "-cp . file0.java"


def run(folder: Path, files: dict[str, str]) -> str:
    """Compile the first file with a Java that prints its arguments; return the last of those."""
    box, tools = folder / "box", folder / "tools"
    tools.mkdir()
    java = tools / "java"
    java.write_text('#!/bin/sh\necho "$@"\n')
    java.chmod(0o755)
    for name, content in files.items():
        path = box / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    names = [f"./{name}" if name.startswith("-") else name for name in files]
    done = subprocess.run(
        [SCRIPT, "out", *names],
        cwd=box,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip().split(" -d out ")[1].replace(" ./", " ")
