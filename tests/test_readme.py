"""The documents' console examples, run as they stand against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.server import Server

pytestmark = pytest.mark.engine

DOCUMENTS = [
    "README.md",
    "docs/cli.md",
    "docs/mcp.md",
    "docs/index.md",
    "docs/v1.md",
    "docs/files.md",
    "docs/judging.md",
    "docs/compile-cache.md",
    "docs/uploads.md",
    "docs/plots.md",
    "docs/sandboxes.md",
    "docs/piston-v2.md",
    "docs/operating.md",
    "docs/start-teaching.md",
    "docs/start-developing.md",
    "docs/start-operating.md",
    "docs/start-agents.md",
    "docs/start-judging.md",
]
COMMANDS = Path(sys.executable).parent  # `bitrun` is one of them
_MEASURED = re.compile(r"^(X-Run-(?:Duration|Wall-Time|Cpu-Time|Memory)): \d.*$", re.MULTILINE)
_VARYING = re.compile(r'("(?:memory|cpu_time|wall_time|version|runtimes)": ?)(?:\d+|"[\d.]+")')
_NOT_SHOWN = re.compile(
    r"^(Server|Date|Connection|X-Request-Id|X-Content-Type-Options|Access-Control-[A-Za-z-]+): .*\n",
    re.MULTILINE,
)


def examples() -> list[tuple[str, str, str]]:
    """Every block's commands and what it shows of their output, by document."""
    found = []
    for name in DOCUMENTS:
        for block in re.findall(
            r"^```console\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL
        ):
            lines = block.splitlines(keepends=True)
            commands = "".join(line[2:] for line in lines if line.startswith("$ "))
            output = "".join(line for line in lines if not line.startswith("$ "))
            found.append((name, commands, output))
    return found


def comparable(text: str) -> str:
    text = _NOT_SHOWN.sub("", text.replace("\r\n", "\n"))
    return _VARYING.sub(r"\1…", _MEASURED.sub(r"\1: …", text)).strip()


@pytest.mark.parametrize(("document", "commands", "output"), examples())
def test_an_example(
    server: Server, tmp_path: Path, document: str, commands: str, output: str
) -> None:
    script = commands.replace("http://127.0.0.1:5000", server.url).replace("curl ", "curl -sS ")
    done = subprocess.run(
        ["bash", "-e"],
        input=script,
        cwd=tmp_path,
        env=os.environ | {"BITRUN_URL": server.url, "PATH": f"{COMMANDS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert comparable(done.stdout) == comparable(output)


def test_there_are_examples() -> None:
    assert {document for document, _, _ in examples()} == set(DOCUMENTS)
