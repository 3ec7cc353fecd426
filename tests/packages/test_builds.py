import threading
from collections.abc import Callable

import pytest

from bitrun.engine.build_output import Report
from bitrun.model.errors import BuildError
from bitrun.packages.builds import Builds, parse_step


def held(
    *lines: str, fault: Exception | None = None
) -> tuple[threading.Event, Callable[[Report], None]]:
    """Return work that reports these lines, and an event that lets it end."""
    go = threading.Event()

    def work(report: Report) -> None:
        for line in lines:
            report(line)
        go.wait(10)
        if fault is not None:
            raise fault

    return go, work


def test_who_asks_meanwhile_joins() -> None:
    builds = Builds()
    go, work = held("one", "two")
    build = builds.join("a", work)
    assert builds.join("a", work) is build
    first, second = build.follow(10), build.follow(10)
    assert [next(first), next(first), next(second)] == ["one", "two", "one"]
    go.set()
    assert (list(first), list(second)) == ([], ["two"])
    build.wait()
    assert list(build.follow(10)) == ["one", "two"]
    assert builds.join("a", work) is not build


def test_silence_repeats_the_last_line() -> None:
    go, work = held("one")
    lines = Builds().join("a", work).follow(0.01)
    assert [next(lines) for _ in range(3)] == ["one"] * 3
    go.set()


def test_a_fault_reaches_all_who_wait() -> None:
    go, work = held("one", fault=BuildError("broken"))
    build = Builds().join("a", work)
    go.set()
    with pytest.raises(BuildError, match="broken"):
        build.wait()
    lines = build.follow(10)
    assert next(lines) == "one"
    with pytest.raises(BuildError, match="broken"):
        next(lines)


def test_a_flood_of_lines_is_bounded() -> None:
    go, work = held(*map(str, range(5000)))
    build = Builds().join("a", work)
    go.set()
    build.wait()
    assert list(build.follow(10)) == list(map(str, range(4000, 5000)))


@pytest.mark.parametrize(
    ("line", "step"),
    [("Step 2/7 : RUN apt-install go", (2, 7)), ("Step 2", None), ("A Step 2/7 : ", None)],
)
def test_steps(line: str, step: tuple[int, int] | None) -> None:
    assert parse_step(line) == step
