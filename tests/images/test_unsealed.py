"""Unsealed images: which are built, in which order, and from what."""

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from bitrun.engine.build_output import Report
from bitrun.images.change import SOURCE_LABEL
from bitrun.images.unsealed import UnsealedImages
from bitrun.model.errors import BuildError
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import NoBoxes


class Recorder(FakeEngine):
    """Keeps the tags that are built, and the files of the last build context."""

    def __init__(self) -> None:
        super().__init__(NoBoxes())
        self.built: list[str] = []
        self.files: dict[str, bytes] = {}

    def build_image(
        self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report
    ) -> None:
        with tarfile.open(fileobj=context) as archive:
            files = {each.name: archive.extractfile(each) for each in archive if each.isfile()}
            self.files = {name: file.read() for name, file in files.items() if file is not None}
        context.seek(0)
        super().build_image(context, tag, labels, report)

    def tag_image(self, reference: str, name: str) -> None:
        super().tag_image(reference, name)
        if ":build-" not in name and ":in-use-" not in name:
            self.built.append(name)

    def labels(self, tag: str) -> Mapping[str, str]:
        image = self.find_image(tag)
        assert image is not None
        return image.labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, dockerfile in {
        "base": "FROM scratch\n",
        "parent": "FROM bitrun/base\n",
        "tool": "FROM bitrun/parent:unsealed AS build\nfrom bitrun/base\nFROM scratch\n",
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


def ensure(images: UnsealedImages, name: str) -> None:
    with images.change() as change:
        images.ensure(name, change, lambda _: None)


def test_parents_are_built_first(engine: Recorder, images: UnsealedImages) -> None:
    ensure(images, "tool")
    assert engine.built == ["bitrun/base", "bitrun/parent:unsealed", "bitrun/tool:unsealed"]
    assert engine.labels("bitrun/tool:unsealed") == {SOURCE_LABEL: images.source("tool")}


def test_nothing_is_built_twice(engine: Recorder, images: UnsealedImages) -> None:
    for _ in range(2):
        ensure(images, "tool")
    assert len(engine.built) == 3


def test_a_change_reaches_the_children(
    engine: Recorder, images: UnsealedImages, folder: Path
) -> None:
    ensure(images, "tool")
    engine.built.clear()
    (folder / "parent" / "file").touch()
    ensure(images, "tool")
    assert engine.built == ["bitrun/parent:unsealed", "bitrun/tool:unsealed"]


def test_the_certificates_are_in_the_context_but_not_in_the_source(
    engine: Recorder, images: UnsealedImages, folder: Path, tmp_path: Path
) -> None:
    ensure(images, "base")
    assert engine.files["ca-bundle.pem"] == b""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"certificates")
    trusting = UnsealedImages(engine, folder, bundle)
    assert trusting.source("base") == images.source("base")
    ensure(trusting, "parent")
    assert engine.files["ca-bundle.pem"] == b"certificates"


@pytest.mark.parametrize("name", ["nowhere", "orphan"])
def test_a_missing_folder(images: UnsealedImages, folder: Path, name: str) -> None:
    (folder / "orphan").mkdir()
    (folder / "orphan" / "Dockerfile").write_text("FROM bitrun/nowhere\n")
    with pytest.raises(BuildError, match="nowhere"):
        ensure(images, name)
