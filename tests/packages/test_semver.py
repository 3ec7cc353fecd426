"""Ranges as npm reads them; npm's own `semver` gave the expected matches."""

import pytest

from bitrun.packages.semver import newest_match

VERSIONS = ["3.11.2", "2.7.18", "3.13.5", "4.0.0-rc.1", "5.2.37"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("*", "5.2.37"), ("x", "5.2.37"), ("X", "5.2.37"), ("", "5.2.37"), (" ", "5.2.37"),
        ("||", "5.2.37"), ("> 3", "5.2.37"), (">=3", "5.2.37"),
        ("3", "3.13.5"), ("3.x", "3.13.5"), ("3.*.*", "3.13.5"), ("v3", "3.13.5"),
        ("^3.11.0", "3.13.5"), (">=3 <4", "3.13.5"), ("3 - 4", "3.13.5"), ("~3", "3.13.5"),
        ("~3.11", "3.11.2"), ("~>3.11", "3.11.2"), ("=3.11.2", "3.11.2"), ("3.11.2", "3.11.2"),
        ("3.11.2 || 2.7", "3.11.2"), ("3.11.2 - 3.12", "3.11.2"), (" 3.11.2\n", "3.11.2"),
        ("2.7 || 1", "2.7.18"), ("<3", "2.7.18"),
        ("4.0.0-rc.1", "4.0.0-rc.1"), ("^4.0.0-0", "4.0.0-rc.1"), ("4", None), ("^4.0.0", None),
        ("latest", None), ("stable", None), ("3 || latest", None), ("1.2.3.4", None), (">3 <3", None),
        ("=>3", None), ("=", None), ("-", None), ("~", None), ("^", None), ("é", None), ("\0", None),
        ("9" * 30, None), ("3" + " " * 256, None), ("* " * 128, "5.2.37"),
    ],
)  # fmt: skip
def test_the_newest_match(wanted: str, found: str | None) -> None:
    assert newest_match(VERSIONS, wanted) == found


def test_without_versions_nothing_matches() -> None:
    assert newest_match([], "*") is None
