"""Judge0's client from PyPI, as it is, given nothing but this service's address and a token."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.needs import need_python_packages
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import RUN

pytestmark = [pytest.mark.builds, pytest.mark.engine]

CLIENTS = ROOT / "tests" / "clients"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge0")
    need_python_packages(CLIENTS / "judge0-requirements.txt", folder)
    return folder


def test_the_client(share: Callable[..., Server], packages: Path) -> None:
    server = share(dialects="judge0", api_tokens=RUN, run_timeout=60_000)
    done = subprocess.run(
        [sys.executable, CLIENTS / "judge0_client.py", f"{server.url}/judge0", RUN],
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "hello": ["Hello, Judge0\n", "ACCEPTED", 0],
        "times": True,
        "cases": ["ACCEPTED"] * 30 + ["WRONG_ANSWER"],
        "batch": [
            ["a\n", "ACCEPTED"],
            ["b", "ACCEPTED"],
            [None, "RUNTIME_ERROR_NZEC"],
        ],
        "built": "built\n",
        "read": "from a file\n",
        "limited": "TIME_LIMIT_EXCEEDED",
        "bytes": "\\xfe",
        "waited": "later\n",
        "version": "1.13.1",
        "statuses": 14,
        "language": "script.py",
        "batch_size": 20,
    }
