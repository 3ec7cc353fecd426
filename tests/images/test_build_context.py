import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bitrun.images.build_context import digest, pack
from bitrun.model.errors import BuildError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM bitrun/base\n")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "Dockerfile").write_text("FROM bitrun/other\n"),
        lambda folder: (folder / "Dockerfile").chmod(0o755),
        lambda folder: (folder / "Dockerfile").rename(folder / "Dockerfile.old"),
        lambda folder: (folder / "empty").touch(),
    ],
    ids=["content", "mode", "name", "new file"],
)
def test_changes_that_a_build_sees_change_the_hash(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = digest(pack(folder))
    change(folder)
    assert digest(pack(folder)) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: os.utime(folder / "Dockerfile", (1, 1)),
        lambda folder: (folder / "Dockerfile").chmod(0o600),
        lambda folder: folder.rename(folder.with_name("moved")).rename(folder),
        lambda folder: (folder / "samples" / "one").mkdir(parents=True),
        lambda folder: (folder / "__pycache__").mkdir(),
    ],
    ids=["time", "umask", "place", "samples", "compiled Python"],
)
def test_changes_by_a_checkout_keep_the_hash(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = digest(pack(folder))
    change(folder)
    assert digest(pack(folder)) == before


def test_a_link_to_a_file_of_another_image_is_packed_as_the_file(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    elsewhere.write_text("content")
    (folder / "linked").symlink_to(elsewhere)
    before = pack(folder)
    (folder / "linked").unlink()
    (folder / "linked").write_text("content")
    assert pack(folder) == before


def test_additional_files_are_packed(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(folder, {"more": b"content"}))) as archive:
        assert {"./Dockerfile", "more"} <= set(archive.getnames())
        more = archive.extractfile("more")
        assert more is not None
        assert more.read() == b"content"


def test_parts_of_a_hash_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="nowhere"):
        pack(tmp_path / "nowhere")
