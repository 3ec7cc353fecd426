"""Reused boxes of a real engine: a program leaves all it can, and another looks for it.

The second prints all that it can observe. It must be, byte for byte, what it printed in the same box
when that was new. `programs/observe.c` lists what it does not print.
"""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.piston import execute
from tests.support.residue import compiled
from tests.support.scale import scaled
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

LONG = round(scaled(20_000))
REUSE = {
    "runs_per_box": 50,
    "pool_size": 8,
    "output_limit": 4 << 20,
    "run_timeout": LONG,
    "run_cpu_time": LONG,
}

# A program of each default language that becomes, or runs, the one beside it.
C = 'int chmod(const char *, unsigned), execv(const char *, char **);\nint main(int, char **argv) { chmod("program", 0755); return execv("./program", argv); }'
STARTERS = {
    "python": "import os, sys\nos.chmod('program', 0o755)\nos.execv('./program', sys.argv)",
    "ruby": "File.chmod(0755, 'program')\nexec('./program', *ARGV)",
    "php": "<?php chmod('program', 0755); array_shift($argv); passthru('./program ' . implode(' ', $argv), $code); exit($code);",
    "javascript": "const c = require('child_process'); require('fs').chmodSync('program', 0o755);\nprocess.exit(c.spawnSync('./program', process.argv.slice(2), {stdio: 'inherit'}).status)",
    "bash": 'chmod 755 program; exec ./program "$@"',
    "c": C,
    "c++": '#include <sys/stat.h>\n#include <unistd.h>\nint main(int, char **argv) { chmod("program", 0755); return execv("./program", argv); }',
}  # fmt: skip


PACKAGES = {"javascript": "node", "c": "gcc", "c++": "gcc"}


@pytest.fixture
def serve_one(serve: Callable[..., Server]) -> Callable[[str], Server]:
    """Start a service whose pool is for one language: no other needs the place of a used box."""

    def serve_one(language: str) -> Server:
        # The limits of C and C++ differ, and so do their boxes.
        pinned = 4 if language.startswith("c") else 8
        package = PACKAGES.get(language, language)
        server = serve(pool_pinned=f"{package}={pinned}", **REUSE)
        assert wait_until(lambda: counts(server, "bitrun_pool_boxes")["idle"] == 8, scaled(30)), (
            counts(server, "bitrun_pool_boxes")
        )
        return server

    return serve_one


def start(server: Server, language: str, name: str, *arguments: str) -> dict[str, Any]:
    program = base64.b64encode(compiled(name)).decode()
    files = [
        {"content": STARTERS[language]},
        {"name": "program", "content": program, "encoding": "base64"},
    ]
    body = {"language": language, "version": "*", "files": files, "args": arguments}
    response = execute(server, body)
    assert response.status_code == 200, response.text
    stage: dict[str, Any] = response.json()["run"]
    assert stage["stderr"] == "", stage
    return stage


def observed(language: str, stage: dict[str, Any]) -> str:
    """Return the output, but for the times of `/tmp` if a compiler has just used it."""
    text = str(stage["stdout"])
    return (
        re.sub(r"^/tmp: \d.*\n", "", text, flags=re.MULTILINE) if language.startswith("c") else text
    )


def counts(server: Server, name: str) -> dict[str, float]:
    """Return the values of a metric by its one label."""
    found = re.findall(rf'^{name}{{\w+="(\w+)"}} (\S+)$', server.get("/metrics").text, re.MULTILINE)
    return {label: float(value) for label, value in found}


def rest(server: Server, boxes: int) -> None:
    """Wait until so many boxes are reusable, and their resets over."""
    assert wait_until(
        lambda: counts(server, "bitrun_pool_boxes")["reusable"] == boxes, scaled(15)
    ), counts(server, "bitrun_resets_failed_total")
    assert not wait_until(lambda: counts(server, "bitrun_pool_boxes")["reusable"] != boxes, 1), (
        counts(server, "bitrun_resets_failed_total")
    )


def test_every_default_language_is_tested(serve_one: Callable[[str], Server]) -> None:
    server = serve_one("python")
    installed = {each["language"] for each in server.get("/api/v2/runtimes").json()}
    assert installed & {"python", "ruby", "php", "javascript", "bash", "c", "c++"} <= set(STARTERS)


@pytest.mark.parametrize("language", STARTERS)
@pytest.mark.attack(
    "program",
    "leaving all it can in a box that is used again: files, links, pipes, sockets, System V and POSIX objects, daemons, locks, changed directories",
    "the next program of the same client observes, byte for byte, a new box",
)
def test_a_reused_box_looks_like_a_new_one(
    serve_one: Callable[[str], Server], language: str
) -> None:
    server = serve_one(language)
    new = start(server, language, "observe")
    assert new["code"] == 0
    assert len(new["stdout"].splitlines()) > 500
    rest(server, 1)
    for _ in range(2):
        left = start(server, language, "leave_residue", "100")
        assert (left["code"], left["stdout"]) == (7, "left\n"), left
        rest(server, 1)
        again = start(server, language, "observe")
        assert observed(language, again) == observed(language, new)
        rest(server, 1)
    assert counts(server, "bitrun_pool_requests_total")["reused"] == 4


@pytest.mark.attack(
    "program",
    "leaving a TCP connection in TIME_WAIT, in a box that is used again",
    "that box is discarded: its network can't be made as new",
)
def test_a_used_network_ends_the_box(serve_one: Callable[[str], Server]) -> None:
    server = serve_one("python")
    start(server, "python", "leave_residue", "1", "tcp")
    rest(server, 0)
    assert counts(server, "bitrun_resets_failed_total")["namespaces"] == 1
