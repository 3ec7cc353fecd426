"""Fields that nothing reads: named, a bounded number of times, and fit for a header."""

import pytest

from bitrun.api.http.unknown_fields import UnknownFields
from bitrun.model.errors import RequestError

KNOWN = ("run_timeout", "stdin")


def warnings(*names: str, place: str = "") -> list[str]:
    unknown = UnknownFields()
    unknown.add(names, KNOWN, place)
    found: list[str] = unknown.reply().get("warnings", [])
    return found


def test_known_fields() -> None:
    assert warnings(*KNOWN) == []
    UnknownFields().refuse()


def test_unknown_fields() -> None:
    assert warnings("stdin", "run_timout", "other", place="runs[1].") == [
        "Unknown field: runs[1].run_timout; did you mean run_timeout?",
        "Unknown field: runs[1].other",
    ]


@pytest.mark.parametrize(
    ("name", "end"),
    [("other", "; there are: " + ", ".join(sorted(KNOWN))), ("stdn", "; did you mean stdin?")],
)
def test_a_refusal_names_the_first_and_what_there_is(name: str, end: str) -> None:
    unknown = UnknownFields()
    unknown.add([name, "another"], KNOWN)
    with pytest.raises(RequestError) as refusal:
        unknown.refuse()
    assert str(refusal.value) == f"Unknown field: {name}{end}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\r\nSet-Cookie: b=c", "a??Set-Cookie??b?c"),
        ("\0", "?"),
        ("\ud800\udcff", "??"),
        ("größe", "gr??e"),
        ("", ""),
        ("x" * 1_000_000, "x" * 64),
    ],
)
def test_any_name_fits_into_a_header(name: str, shown: str) -> None:
    assert warnings(name) == [f"Unknown field: {shown}"]


def test_their_number_is_bounded() -> None:
    found = warnings(*(f"x{number}" for number in range(100_000)))
    assert len(found) == 9
    assert found[-1] == "Unknown fields: 99992 more"
    assert len(", ".join(warnings(*(f"{n}run_timeout" * 9 for n in range(99))))) < 2000
