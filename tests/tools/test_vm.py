"""The page of engines, and when the virtual machine's disk is made anew."""

import pytest

from tests.vm.page import Column, read, render, row_of
from tools.vm import image

COLUMNS: dict[str, Column] = {
    "Docker 20.10, Linux 6.1": {
        "cgroups": "v1",
        "storage": "overlay2",
        "AppArmor": "no",
        "time scale": "1",
        "passed": "1 of 1",
        "hello: C": "yes",
        "AppArmor confines a box": "-",
    },
    "Docker 26.1, Linux 6.12": {
        "cgroups": "v2",
        "storage": "overlay2",
        "AppArmor": "yes",
        "time scale": "30",
        "passed": "1 of 2",
        "hello: C": "**failed**",
        "AppArmor confines a box": "yes",
    },
}


def test_a_page_is_read_back() -> None:
    assert read(render(COLUMNS)) == COLUMNS


def test_a_page_shows_what_one_engine_lacks() -> None:
    page = render(
        COLUMNS | {"Docker 29, Linux 7": COLUMNS["Docker 26.1, Linux 6.12"] | {"new": "yes"}}
    )
    assert "| new | - | - | yes |" in page


@pytest.mark.parametrize(
    ("name", "row"),
    [("test_fork_bomb", "fork bomb"), ("test_hello[C]", "hello: C")],
)
def test_rows_are_named_after_tests(name: str, row: str) -> None:
    assert row_of(name) == row


def test_a_changed_recipe_makes_another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    before = image.recipe()
    monkeypatch.setattr(image, "_FILES", {"etc/hostname": "another"})
    assert image.recipe() != before
