"""Commands that can't be started: the same sentence in every dialect, and a warning in the log."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.support.piston import execute, message, package, request, write_catalogue
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.waiting import read_stderr_until

SENTENCE = "The command can't be started: no-such-tool: No such file or directory"
FILES = {"filename": "a.gone", "content": "x"}


@pytest.mark.also_engine
def test_a_broken_entry_of_the_catalogue(
    serve: Callable[..., Server], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = package("gone", "bash", extensions=["gone"], run="no-such-tool %s")
    broken = serve(languages=write_catalogue(tmp_path, entry), log_format="json")
    v1 = requests.post(f"{broken.url}/api/v1/run", data=FILES, timeout=30)
    assert (v1.status_code, v1.json()) == (400, {"error": SENTENCE})
    v2 = execute(broken, request("gone", "x"))
    assert (v2.status_code, message(v2)) == (400, SENTENCE)
    with Terminal(broken) as terminal:
        terminal.init("gone", "x")
        assert terminal.rest()[-1] == {"type": "error", "message": SENTENCE}
        assert terminal.closed == (4002, "Notified Error")
    lines = read_stderr_until(capfd, "GET /api/v2/connect", 5).splitlines()
    warnings = [line for line in map(json.loads, lines) if line["level"] == "warning"]
    assert [line["message"] for line in warnings] == [f"Package bash: {SENTENCE}"] * 3


@pytest.mark.attack(
    "request", "a PATH without the command, by v1's `env`", "400, with the command and the reason"
)
@pytest.mark.also_engine
@pytest.mark.parametrize("path", ["/nonexistent", "", "/etc/passwd", "/proc/self/fd"])
def test_a_path_without_the_command(server: Server, path: str) -> None:
    response = requests.post(
        f"{server.url}/api/v1/run",
        data={"filename": "a.sh", "content": "x", "env": f"PATH={path}"},
        timeout=30,
    )
    assert response.status_code == 400
    assert response.json()["error"].startswith("The command can't be started: bash: ")
