"""SandboxFusion's client from PyPI, as it is, given nothing but this service's address."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need_python_packages
from tests.support.paths import ROOT
from tests.support.server import Server
from tests.support.tokens import RUN

pytestmark = pytest.mark.builds

CLIENTS = ROOT / "tests" / "clients"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandboxfusion")
    need_python_packages(CLIENTS / "sandboxfusion-requirements.txt", folder)
    return folder


def printed(packages: Path, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", CLIENTS / "sandboxfusion_client.py", url],
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    replies = json.loads(done.stdout)
    assert isinstance(replies, dict)
    return replies


@pytest.mark.also_engine
def test_the_client(share: Callable[..., Server], packages: Path) -> None:
    server = share(
        dialects="sandboxfusion", api_tokens=RUN, run_timeout=60_000, run_cpu_time=60_000
    )
    # requests and aiohttp make Basic authentication of it.
    url = server.url.replace("://", f"://any:{RUN}@")
    replies = printed(packages, f"{url}/sandboxfusion/")
    assert "No language is called lean" in replies.pop("unknown")
    assert replies == {
        "python": ["Success", "typed\n", "err\n", {"out": "eA=="}],
        "module": "Hello\n",
        "failed": ["Failed", "Finished", 3],
        "late": ["TimeLimitExceeded", None, "so far\n"],
        "summaries": ["Success", "late", "compile"],
        "wrong": [1, None],
        "accepted": [True, 8, True],
        "rejected": [False, [True, True, False]],
        "compiled": [f"{2 * n}\n" for n in range(20)],
        "async": "a\n",
        "cells": [[{"text/plain": "42"}], "ZeroDivisionError"],
    }
