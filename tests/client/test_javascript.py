"""The JavaScript client, and the examples of its page, in Node.js against a service."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import jupyter
from tests.support.needs import need_node_modules
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.services import Services
from tests.support.tokens import RUN

pytestmark = pytest.mark.builds

TESTS = Path(__file__).with_name("javascript")
EXAMPLES = re.findall(
    r"^```js\n(.*?)^```\n\n^```text\n(.*?)^```",
    (ROOT / "docs" / "javascript.md").read_text(),
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the built client is installed."""
    folder = tmp_path_factory.mktemp("javascript")
    package = folder / "node_modules" / "bitrun"
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(ROOT / "clients" / "javascript", package, ignore=ignored)
    need_node_modules(package)
    # TypeScript checks it at that, too.
    subprocess.run(["npm", "run", "--silent", "build"], cwd=package, check=True)
    for path in TESTS.iterdir():
        shutil.copy(path, folder)
    return folder


def node(project: Path, *arguments: str, **environment: str) -> str:
    # Node.js has WebSocket without the option since version 22.
    done = subprocess.run(
        ["node", "--no-warnings", "--experimental-websocket", *arguments],
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.also_engine
def test_the_client(project: Path, server: Server) -> None:
    printed = node(project, "--test", "client.test.mjs", BITRUN_URL=server.url)
    assert re.search(r"^# skipped 0$", printed, re.MULTILINE)


def test_cells(project: Path, share: Callable[..., Server], tmp_path: Path) -> None:
    server = share(languages=jupyter.catalogue(tmp_path))
    node(project, "--test", "cells.test.mjs", BITRUN_URL=server.url)


def test_a_token(project: Path, services: Services) -> None:
    server = services.start(api_tokens=RUN)
    node(project, "--test", "token.test.mjs", BITRUN_URL=server.url, BITRUN_TOKEN=RUN)


@pytest.mark.parametrize(("program", "output"), EXAMPLES)
def test_an_example(project: Path, server: Server, program: str, output: str) -> None:
    (project / "example.mjs").write_text(program.replace("http://127.0.0.1:5000", server.url))
    assert node(project, "example.mjs") == output


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == (ROOT / "docs" / "javascript.md").read_text().count("```js") > 2
