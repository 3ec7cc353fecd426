"""Which files a language's commands are given, and which get another name for it."""

import pytest

from bitrun.config.catalogue import Language
from bitrun.execution.sources import Sources, choose_sources

ANY = Language(name="any", run="run %s")
STRICT = Language(name="strict", run="run %s", suffix="cc", extensions=("cc", "cpp"))


@pytest.mark.parametrize(
    ("language", "names", "sources"),
    [
        (ANY, [], Sources((), (), {})),
        (ANY, ["a", "b.h"], Sources(("a",), ("a", "b.h"), {})),
        (STRICT, [], Sources((), (), {})),
        (STRICT, ["a.cc"], Sources(("a.cc",), ("a.cc",), {})),
        (STRICT, ["a.h", "b.cc", "c.cpp"], Sources(("b.cc",), ("b.cc", "c.cpp"), {})),
        (STRICT, ["a", "b.h"], Sources(("a.cc",), ("a.cc",), {"a": "a.cc"})),
    ],
)
def test_choice(language: Language, names: list[str], sources: Sources) -> None:
    assert choose_sources(language, names, taken=names) == sources


def test_a_new_name_replaces_no_other_file() -> None:
    taken = {"a", "a.cc", "a.cc.cc"}
    assert choose_sources(STRICT, ["a"], taken).main == ("a.cc.cc.cc",)
