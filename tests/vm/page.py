"""docs/engines.md, merged from the results of one engine after another.

With `-p tests.vm.page --engines FILE`, a run of pytest replaces the entries of the engine that
DOCKER_HOST names, and keeps those of others.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import docker
import pytest
from docker.utils import kwargs_from_env

from tests.support.scale import SCALE

_HEAD = """\
# Engines

The engines that the engine tests have run against, and the outcome of each test. `make test-vm`
creates a virtual machine with the current Debian and its kernel and Docker, and runs them against
the engine in it; `make test-vm LOCAL=1` runs them against the engine of `make test`. Each replaces
the entries of its engine.

*Time scale* is the factor for all time limits: without KVM the machine is emulated in software, and
everything in it takes that much longer.
"""
NOT_TRIED = "-"
_FACTS = ("cgroups", "storage", "AppArmor", "time scale", "passed")

Column = dict[str, str]  # a cell by the name of its row


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", type=Path, metavar="FILE", help="write the page of engines")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--engines"):
        config.pluginmanager.register(Page(config.getoption("--engines")))


class Page:
    """Collects the outcomes while the tests run, and merges them into the page at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: Column = {}
        self._whole = True

    def pytest_deselected(self) -> None:
        self._whole = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report: pytest.TestReport = yield  # type: ignore[assignment]
        row = row_of(item.name)
        if report.failed:
            self._outcomes[row] = "**failed**"
        elif report.skipped:
            self._outcomes[row] = NOT_TRIED
        elif report.when == "call":
            self._outcomes[row] = "yes"
        return report  # type: ignore[return-value]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the page, unless this run was only of some tests or was interrupted."""
        if self._whole and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self._merge()

    def _merge(self) -> None:
        client = docker.APIClient(version="auto", **kwargs_from_env())
        info = client.info()
        client.close()
        tried = [outcome for outcome in self._outcomes.values() if outcome != NOT_TRIED]
        facts = {
            "cgroups": f"v{info.get('CgroupVersion', '1')}, {info['CgroupDriver']}",
            "storage": info["Driver"],
            "AppArmor": "yes" if "name=apparmor" in info["SecurityOptions"] else "no",
            "time scale": f"{SCALE:g}",
            "passed": f"{tried.count('yes')} of {len(tried)}",
        }
        engine = f"Docker {_number(info['ServerVersion'])}, Linux {_number(info['KernelVersion'])}"
        columns = read(self._path.read_text()) if self._path.exists() else {}
        columns[engine] = facts | self._outcomes
        self._path.write_text(render(columns))


def _number(version: str) -> str:
    """Leave out a distribution's own additions."""
    found = re.match(r"[\d.]*\d", version)
    return found[0] if found else version


def row_of(test: str) -> str:
    """Name a test's row after it: `test_hello[C]` is `hello: C`."""
    name, _, variant = test.removeprefix("test_").rstrip("]").partition("[")
    return name.replace("_", " ") + (f": {variant}" if variant else "")


def render(columns: dict[str, Column]) -> str:
    engines = sorted(columns)
    rows = dict.fromkeys(row for engine in engines for row in columns[engine] if row not in _FACTS)
    lines = [_HEAD]
    lines += _table("engine", engines, _FACTS, lambda engine, fact: columns[engine][fact])
    lines += ["", "## Tests", ""]
    lines += _table(
        "test", [*rows], engines, lambda row, engine: columns[engine].get(row, NOT_TRIED)
    )
    return "\n".join([*lines, ""])


def read(page: str) -> dict[str, Column]:
    """Read a page's tables back."""
    columns: dict[str, Column] = {}
    header: list[str] = []
    for line in page.splitlines():
        cells = (
            [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        )
        if not cells:
            header = []
        elif not header:
            header = cells
        elif not cells[0].startswith("---"):
            for name, cell in zip(header[1:], cells[1:], strict=True):
                engine, row = (cells[0], name) if header[0] == "engine" else (name, cells[0])
                columns.setdefault(engine, {})[row] = cell
    return columns


def _table(
    corner: str,
    left: Sequence[str],
    top: Sequence[str],
    cell: Callable[[str, str], str],
) -> Iterator[str]:
    yield _line([corner, *top])
    yield _line(["---"] * (len(top) + 1))
    for name in left:
        yield _line([name, *(cell(name, other) for other in top)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
