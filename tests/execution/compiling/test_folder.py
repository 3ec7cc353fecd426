"""The folder of a process: nobody else's, and gone with it."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bitrun.execution.compiling.folder import ProcessFolder

CREATE = """
from bitrun.execution.compiling.folder import ProcessFolder
folder = ProcessFolder()
(folder.path / "x").write_text("x")
print(folder.path, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_its_user_can_read_it(parent: Path) -> None:
    folder = ProcessFolder()
    assert folder.path.parent == parent
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    (folder.path / "x").write_text("x")
    folder.close()
    assert list(parent.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed(parent: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CREATE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(parent)},
        text=True,
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        ours = ProcessFolder()
        assert left.exists()
        process.kill()
    other = ProcessFolder()
    assert not left.exists()
    assert ours.path.exists()
    ours.close()
    other.close()


def test_what_only_looks_like_one_is_left_alone(parent: Path) -> None:
    kept = parent / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (parent / "bitrun-compiled-link").symlink_to(kept)
    (parent / "bitrun-compiled-file").touch()
    ProcessFolder().close()
    assert (kept / "file").exists()
    assert len(list(parent.iterdir())) == 3
