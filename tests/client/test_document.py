"""The Python examples of the documents, run unchanged against a real service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.server import Server

DOCUMENTS = ("docs/client.md", "docs/start-developing.md", "docs/start-agents.md")
EXAMPLES = [
    example
    for name in DOCUMENTS
    for example in re.findall(
        r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```",
        (ROOT / name).read_text(),
        re.MULTILINE | re.DOTALL,
    )
]


@pytest.mark.parametrize(("program", "output"), EXAMPLES)
def test_an_example(server: Server, tmp_path: Path, program: str, output: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:5000", server.url)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (output, "")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == sum((ROOT / name).read_text().count("```python") for name in DOCUMENTS)
