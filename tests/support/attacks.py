"""The table of everything hostile that was tried, and of what became of it: `make walls`.

A test that tries something is marked `tried(group, what, outcome)`; one row of the table stands for
all tests with the same group and `what`, and holds only if each of them passed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

GROUPS = {
    "program": "Hostile programs",
    "request": "Hostile requests",
    "fault": "Faults",
}

_HEAD = """\
# Walls

What was tried against the service and what became of it, written by `make walls`, which runs every
test named here against a real engine. What the walls are, and what they are not: [security](../SECURITY.md).
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--walls", type=Path, metavar="FILE", help="write the table of what was tried")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "tried(group, what, outcome): a row of docs/walls.md: an attack, a fault"
    )
    if config.getoption("--walls"):
        config.pluginmanager.register(Walls(config.getoption("--walls")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("tried"):
            group, what, outcome = mark.args
            if group not in GROUPS or not what or not outcome:
                raise pytest.UsageError(f"{item.nodeid}: tried(group, what, outcome), not {mark}")


class Walls:
    """Collects the rows while the tests run, and writes them at the end."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._rows: dict[tuple[str, str], tuple[str, set[str]]] = {}
        self._lost: set[tuple[str, str]] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report: pytest.TestReport = yield  # type: ignore[assignment]
        for mark in item.iter_markers("tried"):
            group, what, outcome = mark.args
            _, tests = self._rows.setdefault((group, what), (outcome, set()))
            tests.add(item.nodeid.split("[")[0])
            if not report.passed:
                self._lost.add((group, what))
        return report  # type: ignore[return-value]

    def pytest_sessionfinish(self) -> None:
        lines = [_HEAD]
        for group, title in GROUPS.items():
            rows = {what: row for (of, what), row in sorted(self._rows.items()) if of == group}
            if not rows:
                continue
            lost = sum((group, what) in self._lost for what in rows)
            lines += [f"## {title}", "", f"{len(rows)} tried, {lost} lost.", ""]
            lines += ["| tried | what became of it | test |", "|---|---|---|"]
            for what, (outcome, tests) in rows.items():
                became = "**lost**" if (group, what) in self._lost else outcome
                shown = ", ".join(f"`{test.removeprefix('tests/')}`" for test in sorted(tests))
                lines.append(f"| {what} | {became} | {shown} |")
            lines.append("")
        self._page.write_text("\n".join(lines))
