"""Files of a result are saved below a folder, and nowhere else."""

import os
from pathlib import Path

import pytest

from bitrun.client import NotSaved, OutputFile
from bitrun.client.calls import read_result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "precious").write_text("precious")
    return folder


def test_a_file_is_saved_with_its_folders(folder: Path) -> None:
    for name in ("a", "deep/er/b", "..c", "ü "):
        path = OutputFile(name, name.encode()).save(str(folder / "new"))
        assert path == folder / "new" / name
        assert path.read_bytes() == name.encode()


def test_a_file_replaces_another(folder: Path) -> None:
    for content in (b"long", b"x"):
        OutputFile("a", content).save(folder)
        assert (folder / "a").read_bytes() == content


@pytest.mark.attack(
    "program",
    "names of files to be saved that climb out of the folder",
    "not saved by client and command",
)
@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../precious", "a/../../precious", "", ".", "a//b", "a/", "a\0b"]
)
def test_a_name_that_climbs(folder: Path, name: str) -> None:
    with pytest.raises(NotSaved):
        OutputFile(name, b"x").save(folder)
    assert (folder.parent / "precious").read_text() == "precious"
    assert list(folder.iterdir()) == []


@pytest.mark.attack(
    "program", "links in the folder in which files are saved", "not followed by client and command"
)
def test_links_are_not_followed(folder: Path) -> None:
    (folder / "file").symlink_to("../precious")
    (folder / "hard").hardlink_to(folder.parent / "precious")
    (folder / "up").symlink_to("..")
    (folder / "dangling").symlink_to("../new")
    for name in ("file", "hard", "dangling"):
        OutputFile(name, b"x").save(folder)
        assert (folder / name).read_bytes() == b"x"
        assert not (folder / name).is_symlink()
    with pytest.raises(NotSaved, match="is a link"):
        OutputFile("up/precious", b"x").save(folder)
    assert (folder.parent / "precious").read_text() == "precious"
    assert not (folder.parent / "new").exists()


def test_what_is_in_the_way(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    OutputFile("fifo", b"x").save(folder)
    assert (folder / "fifo").read_bytes() == b"x"
    (folder / "folder").mkdir()
    for name in ("folder", "fifo/a", "n" * 300):
        with pytest.raises(NotSaved):
            OutputFile(name, b"x").save(folder)


def test_an_answer_without_files() -> None:
    """Piston's, or of an earlier service."""
    stage = dict.fromkeys(("stdout", "stderr", "output", "message", "signal", "status"), "")
    found = read_result(
        {
            "language": "c",
            "version": "1",
            "run": stage | {"code": 0, "wall_time": 1, "cpu_time": 1, "memory": 1},
        }
    )
    assert (found.files, found.files_dropped) == ((), ())
