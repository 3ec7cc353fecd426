"""The sample programs of the playground."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playground.conftest import SOURCES
from tests.support.piston import call
from tests.support.server import Server

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def long_limits() -> Iterator[Server]:
    """A service with long timeouts, for a busy machine."""
    server = Server({"BITRUN_RUN_TIMEOUT": "60000", "BITRUN_COMPILE_TIMEOUT": "60000"})
    yield server
    server.stop()


@pytest.mark.parametrize(
    "path", sorted((SOURCES / "samples").glob("*.txt")), ids=lambda it: it.name
)
def test_a_sample(long_limits: Server, path: Path) -> None:
    language, ending = path.name.removesuffix(".txt").split(".")
    body = {
        "language": language,
        "version": "*",
        "files": [{"name": f"main.{ending}", "content": path.read_text()}],
        "stdin": "Ada",
    }
    run = call(long_limits, "POST", "/api/v2/execute", body).json()["run"]
    assert run["status"] is None, run
    assert run["stdout"] == "What is your name? Hello, Ada!\n"
    assert run["stderr"] == ""
