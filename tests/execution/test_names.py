"""File names: what a program is called, and what its tools write beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bitrun.config import catalogue
from bitrun.config.settings import Settings
from tests.support.piston import execute, package, request, write_catalogue
from tests.support.server import Server

C = "int main(void) { return 4; }"
CPP = '#include <iostream>\nint main() { std::cout << "ran\\n"; }'
C_TWICE = "int twice(int); int main(void) { return twice(2); }"
TWICE = "int twice(int n) { return 2 * n; }"
READS = '#include <stdio.h>\nint main(void) { FILE *f = fopen("main", "r"); return getc(f); }'
MODULE = "import fs from 'fs'; console.log(typeof fs.readFileSync, import.meta.filename)"
FAILS = {
    "javascript": "throw new Error('x')",
    "python": "1 / 0",
    "ruby": "raise 'x'",
    "php": "<?php x();",
}


def files(server: Server, language: str, *entries: tuple[str | None, str]) -> dict[str, object]:
    """Run files, and return the last stage."""
    sent = [{"content": content} | ({"name": name} if name else {}) for name, content in entries]
    response = execute(server, request(language) | {"files": sent})
    assert response.status_code == 200, response.text
    stage = response.json()["run"]
    assert isinstance(stage, dict)
    return stage


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("filename", "content", "output"),
    [
        ("MAIN.C", CPP, "ran\n"),
        ("MAIN.CPP", CPP, "ran\n"),
        ("Main.Cc", CPP, "ran\n"),
        ("MAIN.CXX", CPP, "ran\n"),
        ("MAIN.PY", "print('ran')", "ran\n"),
        ("MAIN.SH", "echo ran", "ran\n"),
    ],
)
def test_capitals(server: Server, filename: str, content: str, output: str) -> None:
    response = server.run(filename=filename, content=content)
    assert (response.status_code, response.text) == (200, output)
    language = {"C": "c++", "S": "bash", "P": "python"}[filename.split(".")[1][0].upper()]
    assert files(server, language, (filename, content))["stdout"] == output


@pytest.mark.also_engine
def test_the_command_that_is_shown_is_the_one_that_ran(server: Server) -> None:
    shown = server.run(filename="MAIN.CPP", content=CPP).headers["X-Run-Command"]
    assert shown == "g++ -std=gnu++20 -O2 -o main MAIN.cpp && ./main"


@pytest.mark.parametrize(
    "entries",
    [
        [(None, C_TWICE), ("twice.c", TWICE)],
        [(None, C_TWICE), (None, TWICE)],
        [("main", C_TWICE), ("twice.c", TWICE)],
        [("MAIN.C", C_TWICE), ("TWICE.C", TWICE)],
        [("main.c", C_TWICE), ("lib\\twice.c", TWICE)],
        [("src/main.c", C_TWICE), ("src/twice.c", TWICE)],
    ],
)
def test_all_sources_are_compiled(server: Server, entries: list[tuple[str | None, str]]) -> None:
    stage = files(server, "c", *entries)
    assert stage["code"] == 4, stage


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([("main.c", READS), ("main", "A")], 65),
        ([("a.c", C), ("main/b.h", "")], 4),
        ([("main/a.c", C)], 4),
        ([("a.c", C), ("main/b.h", ""), ("main_", "")], 4),
        ([("main", C)], 4),
    ],
)
def test_the_output_replaces_nothing(
    server: Server, entries: list[tuple[str, str]], code: int
) -> None:
    stage = files(server, "c", *entries)
    assert stage["code"] == code, stage


def test_assembler_in_folders(serve: Callable[..., Server], tmp_path: Path) -> None:
    """The catalogue's entry, with the assembler of this machine."""
    shipped = catalogue.load(Settings.model_fields["languages"].default)
    gas = next(language for _, language in shipped.languages() if language.name == "gas")
    entry = package("gas", "gcc", suffix="s", compile=gas.compile, run=gas.run)
    server = serve(languages=write_catalogue(tmp_path, entry))
    main = ".globl _start\n_start: call six\nmov $60, %eax\nsyscall\n"
    six = ".globl six\nsix: mov $6, %edi\nret\n"
    stage = files(server, "gas", ("src/main.s", main), ("lib/my six.s", six), ("main", ""))
    assert stage["code"] == 6, stage


@pytest.mark.also_engine
def test_a_backslash_is_a_folder(server: Server) -> None:
    stage = files(
        server, "python",
        ("src\\main.py", "import helper; print(helper.x, __file__)"), ("src\\helper.py", "x = 5"),
    )  # fmt: skip
    assert stage["stdout"] == "5 /box/src/main.py\n"


@pytest.mark.engine
@pytest.mark.parametrize("name", [None, "main", "main.js", "MAIN.MJS", "src/main.js", "main.txt"])
def test_a_module_under_any_name(server: Server, name: str | None) -> None:
    stage = files(server, "javascript", (name, MODULE))
    assert str(stage["stdout"]).startswith("function /box/"), stage


@pytest.mark.engine
def test_the_first_script_is_the_program(server: Server) -> None:
    entries = [(None, "console.log(require('./helper.js'))"), ("helper.js", "module.exports = 3")]
    assert files(server, "javascript", *entries)["stdout"] == "3\n"


@pytest.mark.engine
@pytest.mark.parametrize("language", FAILS)
@pytest.mark.parametrize("name", [None, "my program", "src/Main"])
def test_a_traceback_names_the_file(server: Server, language: str, name: str | None) -> None:
    stage = files(server, language, (name, FAILS[language]))
    ending = ".js" if language == "javascript" else ""
    nameless = "file0" + (ending or ".code")
    assert (nameless if name is None else f"{name}{ending}") in str(stage["output"]), stage
