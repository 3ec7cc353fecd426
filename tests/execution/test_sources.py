"""Which files a language's commands are given, and which get another name for it."""

import pytest

from bitrun.config.catalogue import Language
from bitrun.execution.sources import Sources, choose_output, choose_sources

ANY = Language(name="any", run="run %s")
STRICT = Language(name="strict", run="run %s", suffix="cc", extensions=("cc", "cpp"))
COMPILED = STRICT.model_copy(update={"compile": "cc -o %o %s", "run": "./%o"})


@pytest.mark.parametrize(
    ("language", "names", "sources"),
    [
        (ANY, [], Sources((), (), {})),
        (ANY, ["a", "b.h"], Sources(("a",), ("a", "b.h"), {})),
        (ANY, ["A.CC", "file1.code"], Sources(("A.CC",), ("A.CC", "file1.code"), {})),
        (COMPILED, [], Sources((), (), {})),
        (COMPILED, ["a.cc"], Sources(("a.cc",), ("a.cc",), {})),
        (COMPILED, ["a.h", "b.cc", "c.cpp"], Sources(("b.cc",), ("b.cc", "c.cpp"), {})),
        (COMPILED, ["a", "b.h"], Sources(("a.cc",), ("a.cc",), {"a": "a.cc"})),
        (COMPILED, ["a.txt"], Sources(("a.txt.cc",), ("a.txt.cc",), {"a.txt": "a.txt.cc"})),
        (COMPILED, ["d.d/a"], Sources(("d.d/a.cc",), ("d.d/a.cc",), {"d.d/a": "d.d/a.cc"})),
        (COMPILED, [".cc"], Sources((".cc.cc",), (".cc.cc",), {".cc": ".cc.cc"})),
        # The first file is the program, whether or not another has the ending.
        (COMPILED, ["a", "b.cc"], Sources(("a.cc",), ("a.cc", "b.cc"), {"a": "a.cc"})),
        (COMPILED, ["b.cc", "data"], Sources(("b.cc",), ("b.cc",), {})),
        # Nameless files.
        (
            COMPILED,
            ["file0.code", "b.cc", "file2.code"],
            Sources(
                ("file0.cc",),
                ("file0.cc", "b.cc", "file2.cc"),
                {"file0.code": "file0.cc", "file2.code": "file2.cc"},
            ),
        ),
        # Capitals.
        (
            COMPILED,
            ["A.CPP", "B.CC", "C.H"],
            Sources(("A.cpp",), ("A.cpp", "B.cc"), {"A.CPP": "A.cpp", "B.CC": "B.cc"}),
        ),
        # Without a compiler the others are found by their names.
        (STRICT, ["a.json", "B.CC", "C.CC"], Sources(("B.cc",), ("B.cc",), {"B.CC": "B.cc"})),
        (STRICT, ["a", "b.cc"], Sources(("a.cc",), ("a.cc",), {"a": "a.cc"})),
    ],
)
def test_choice(language: Language, names: list[str], sources: Sources) -> None:
    assert choose_sources(language, names, taken=names) == sources


def test_a_new_name_replaces_no_other_file() -> None:
    taken = {"a", "a.cc", "a.cc.cc"}
    assert choose_sources(STRICT, ["a"], taken).main == ("a.cc.cc.cc",)
    sources = choose_sources(COMPILED, ["A.CC", "A.Cc"], {"A.CC", "A.Cc"})
    assert sources.compiled == ("A.cc", "A.cc.cc")


@pytest.mark.parametrize(
    ("names", "output"),
    [
        (["a.cc"], "main"),
        (["main.cc", "main.h", "sub/main"], "main"),
        (["main"], "main_"),
        (["main/a.cc"], "main_"),
        (["main/a/b.cc", "main_"], "main__"),
    ],
)
def test_the_output_is_no_file_and_no_folder(names: list[str], output: str) -> None:
    assert choose_output(COMPILED, names) == output


@pytest.mark.parametrize("name", ["x", "x.a", ".x.y"])
def test_all_that_is_written_counts(name: str) -> None:
    language = Language(name="several", compile="cc .%o.y -out:%o.a %s", run="./%o")
    assert choose_output(language, ["main", name.replace("x", "main_")]) == "main__"
