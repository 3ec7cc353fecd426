import re
from pathlib import Path

import pytest

from bitrun.config import catalogue
from bitrun.config.catalogue import CatalogueError
from tests.support.paths import ROOT

SHIPPED = catalogue.load(ROOT / "config" / "languages.yml")

GOOD = """
packages:
  - name: one
    build: one
    version: "1"
    version_command: one --version
    languages:
      - name: one
        extensions: [one]
        run: one %s
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("run: one %s", "runs: one %s", "packages.0.languages.0.run", "required"),
        ("run: one %s", "run: one %s\n        color: red", "languages.0.color", "not permitted"),
        ("run: one %s", "run: one '%s", "languages.0.run", "No closing quotation"),
        ("extensions: [one]", "extensions: [o.ne]", "languages.0.extensions.0", "pattern"),
        ("extensions: [one]", "extensions: one", "languages.0.extensions", "tuple"),
        ("extensions: [one]", "compile_args: -O", "languages.0", "without a compile command"),
        ("extensions: [one]", "compile_args: (", "0.compile_args", "is no regular expression"),
        ("extensions: [one]", "env: {A-B: c}", "languages.0.env", "pattern"),
        ("build: one", "color: red", "packages.0", "not permitted"),
        ("    build: one\n", "", "packages.0", "one of build and pull"),
        ("build: one", "build: one\n    pull: two", "packages.0", "one of build and pull"),
        ("name: one\n    build", "name: ONE\n    build", "packages.0.name", "pattern"),
        ("build: one", "build: base", "packages.0", "all packages are built on"),
        ("build: one", "pull: bitrun/one:latest", "packages.0", "name of the package's own image"),
        ("extensions: [one]", "extensions: [one, one]", "packages", "extension is not unique"),
        (
            GOOD,
            GOOD + GOOD.partition("\n  -")[2].join(("  -", "")),
            "packages",
            "package is not unique",
        ),
        (GOOD, "packages: []", "packages", "at least 1"),
        (GOOD, "[", "", "while parsing"),
        (GOOD, "", "packages", "valid"),
    ],
)
def test_a_fault_names_file_key_and_reason(
    tmp_path: Path, before: str, after: str, key: str, words: str
) -> None:
    assert before in GOOD
    path = write(tmp_path / "languages.yml", GOOD.replace(before, after))
    with pytest.raises(CatalogueError) as caught:
        catalogue.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert key in text
    assert words in text


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="can't be read: No such file"):
        catalogue.load(tmp_path / "nowhere.yml")


@pytest.mark.parametrize(
    ("argument", "allowed"),
    [
        *dict.fromkeys(
            ["-O", "-O3", "-Ofast", "-std=c++17", "-std=gnu11", "-Wall", "-Wl,-z,stack-size=1",
             "-DONLINE_JUDGE", "-DN=10", '-DTEXT="a b"', "-fsanitize=address,undefined", "-march=native",
             "-lpthread", "-pthread", "-g", "-static", "-w"], True,
        ).items(),
        *dict.fromkeys(
            ["-o", "-omain", "main.c", "@file", "", "-O9", "-std=", "-DA=\n", "-DA=\0", "-x", "--help"],
            False,
        ).items(),
    ],
)  # fmt: skip
def test_arguments_of_c(argument: str, allowed: bool) -> None:
    (pattern,) = {
        language.compile_args for package, language in SHIPPED.languages() if package.id == "gcc"
    }
    assert pattern is not None
    assert (re.fullmatch(pattern, argument) is not None) is allowed


def test_extensions_keep_their_case_where_it_matters() -> None:
    def language(extension: str) -> str | None:
        found = SHIPPED.by_extension(extension)
        return found[1].name if found else None

    assert language("c") == "c"
    assert language("C") == "c++"
    assert language("c++") == "c++"
    assert language("PY") == "python"
    assert language("xyz") is None


def test_versions_of_a_package_share_its_name_and_nothing_else() -> None:
    found = [package for package in SHIPPED.packages if package.name == "node"]
    assert len({package.id for package in found}) == len(found) > 1
    assert len({package.image for package in found}) == len(found)
    assert [SHIPPED.package(package.id) for package in found] == found
    assert SHIPPED.package("nothing-such") is None


@pytest.mark.parametrize(
    ("template", "names", "arguments", "expected"),
    [
        ("python3 -B %s", ["a.py"], ["x y"], ("python3", "-B", "a.py", "x y")),
        ("run %s", ["-x"], [], ("run", "./-x")),
        ("run %s", ["@x"], [], ("run", "./@x")),
        ("run %s", ["a b'c"], [], ("run", "a b'c")),
        ("cc %1", ["a.c", "b.c"], [], ("cc", "a.c")),
        ("cc %s %1", ["%s.c", "%1.c"], [], ("cc", "%s.c", "%1.c", "%s.c")),
        ("cc %s -lm", ["a.c", "b.c"], [], ("cc", "a.c", "b.c", "-lm")),
        ("a %s && b", ["$(x)"], ["1"], ("sh", "-c", "a '$(x)' && b \"$@\"", "sh", "1")),
        ('a "$@" | b', [], ["1"], ("sh", "-c", 'a "$@" | b', "sh", "1")),
        ("A=1 b", [], [], ("sh", "-c", 'A=1 b "$@"', "sh")),
        ("b --std=c17", [], [], ("b", "--std=c17")),
    ],
)
def test_commands_become_arguments(
    template: str, names: list[str], arguments: list[str], expected: tuple[str, ...]
) -> None:
    assert catalogue.argv(template, names, arguments) == expected
