"""The adapters for agents, with the packages of PyPI as they are."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need_python_client
from tests.support.paths import ROOT
from tests.support.server import Server

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def printed(server: Server, client: str, package: str, *arguments: Path) -> dict[str, Any]:
    python = need_python_client(package.partition("=")[0], package, "httpx2", "websockets")
    done = subprocess.run(
        [python, ROOT / "tests" / "clients" / client, server.url, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_deepagents(server: Server) -> None:
    assert printed(server, "deepagents_backend.py", "deepagents==0.7.32") == {
        "id": True,
        "written": None,
        "edited": [None, None, None],
        "read": "one\nthree",
        "listed": ["/box/b.bin", "/box/notes"],
        "grep": [["/box/notes/a.txt", 2]],
        "glob": ["/box/notes/a.txt"],
        "uploaded": [None, None, "permission_denied"],
        "downloaded": [[255, 0], [254], "file_not_found", "file_not_found"],
        "folder": True,
        "failed": ["out\nerr\n", 3],
        "late": ["begun\n\nTime limit exceeded: 1000 ms of wall time", None],
    }


def test_openai_agents(server: Server, tmp_path: Path) -> None:
    package = "openai-agents==0.24.0"
    assert printed(server, "openai_agents_sandbox.py", package, tmp_path) == {
        "exec": ["2\n/box\n", "err\n", 3],
        "read": "a,b\n1,2\n",
        "listed": ["in.csv"],
        "late": True,
        "missing": True,
        "running": True,
        "resumed": "a,b\n1,2\n",
        "ended": True,
        "restored": "a,b\n1,2\n",
        "left": 0,
    }
