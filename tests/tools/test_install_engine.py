import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_setup(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.install_engine"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock", "nonsense://"]
)
def test_dead_docker_host_is_left_alone_and_named(host: str) -> None:
    done = run_setup(DOCKER_HOST=host)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"No Docker engine answers at DOCKER_HOST={host}: start that one, "
        "or unset DOCKER_HOST to use this machine's own.\n"
    )


@pytest.mark.engine
def test_answering_engine_needs_nothing() -> None:
    done = run_setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
