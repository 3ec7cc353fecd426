"""The backend for deep agents, with the package from PyPI as it is."""

import json
import os
import subprocess

import pytest

from tests.support.needs import need_python_client
from tests.support.paths import ROOT
from tests.support.server import Server

pytestmark = [pytest.mark.chaos, pytest.mark.engine, pytest.mark.timeout(900)]


def test_its_tools_for_files_and_commands(server: Server) -> None:
    python = need_python_client("deepagents", "deepagents==0.7.32", "httpx2", "websockets")
    done = subprocess.run(
        [python, ROOT / "tests" / "clients" / "deepagents_backend.py", server.url],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
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
