"""Unsealed images: which are built, in which order, and from what."""

import tarfile
from pathlib import Path
from typing import IO

import pytest

from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.engine.images import Image
from bitrun.images.unsealed import SOURCE_LABEL, UnsealedImages
from bitrun.model.errors import BuildError


class Recorder(Engine):
    """Keeps the labels of what is built, and the files of the last build context."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[str] = []
        self.labels: dict[str, dict[str, str]] = {}
        self.files: dict[str, bytes] = {}

    def find_image(self, reference: str) -> Image | None:
        labels = self.labels.get(reference)
        return None if labels is None else Image("sha256:0", (reference,), labels)

    def build_image(
        self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report
    ) -> None:
        self.built.append(tag)
        self.labels[tag] = labels
        with tarfile.open(fileobj=context) as archive:
            files = {each.name: archive.extractfile(each) for each in archive if each.isfile()}
            self.files = {name: file.read() for name, file in files.items() if file is not None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, dockerfile in {
        "base": "FROM scratch\n",
        "parent": "FROM bitrun/base\n",
        "tool": "FROM bitrun/parent:unsealed AS build\nfrom bitrun/base\nFROM other/base\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(dockerfile)
    return tmp_path


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


@pytest.fixture
def images(engine: Recorder, folder: Path) -> UnsealedImages:
    return UnsealedImages(engine, folder)


def ignore(_: str) -> None:
    pass


def test_parents_are_built_first(engine: Recorder, images: UnsealedImages) -> None:
    assert images.ensure("tool", ignore) == "bitrun/tool:unsealed"
    assert engine.built == ["bitrun/base", "bitrun/parent:unsealed", "bitrun/tool:unsealed"]
    assert engine.labels["bitrun/tool:unsealed"] == {SOURCE_LABEL: images.source("tool")}


def test_nothing_is_built_twice(engine: Recorder, images: UnsealedImages) -> None:
    for _ in range(2):
        images.ensure("tool", ignore)
    assert len(engine.built) == 3


def test_a_change_reaches_the_children(
    engine: Recorder, images: UnsealedImages, folder: Path
) -> None:
    images.ensure("tool", ignore)
    engine.built.clear()
    (folder / "parent" / "file").touch()
    images.ensure("tool", ignore)
    assert engine.built == ["bitrun/parent:unsealed", "bitrun/tool:unsealed"]


def test_the_certificates_are_in_the_context_but_not_in_the_source(
    engine: Recorder, images: UnsealedImages, folder: Path, tmp_path: Path
) -> None:
    images.ensure("base", ignore)
    assert engine.files["ca-bundle.pem"] == b""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"certificates")
    trusting = UnsealedImages(engine, folder, bundle)
    assert trusting.source("base") == images.source("base")
    trusting.ensure("parent", ignore)
    assert engine.files["ca-bundle.pem"] == b"certificates"


@pytest.mark.parametrize("name", ["nowhere", "orphan"])
def test_a_missing_folder(images: UnsealedImages, folder: Path, name: str) -> None:
    (folder / "orphan").mkdir()
    (folder / "orphan" / "Dockerfile").write_text("FROM bitrun/nowhere\n")
    with pytest.raises(BuildError, match="nowhere"):
        images.ensure(name, ignore)
