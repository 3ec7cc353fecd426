"""Images that boxes still use when they are replaced or removed, perhaps by another service."""

import dataclasses
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bitrun.config import catalogue
from bitrun.config.catalogue import Package
from bitrun.config.settings import Settings
from bitrun.engine.build_output import Report
from bitrun.images import sealed
from bitrun.images.lock import images_lock
from bitrun.images.sealed import SealedImages
from tests.support.fake_engine import FakeEngine, unavailable
from tests.support.fake_images import NoBoxes, engine_with_packages
from tests.support.paths import ROOT


@pytest.fixture
def engine() -> FakeEngine:
    engine = engine_with_packages(NoBoxes())
    engine.outputs["bitrun/bash:unsealed"] = "5.2"
    return engine


@pytest.fixture
def bash() -> Package:
    package = catalogue.load(Settings().languages).package("bash")
    assert package is not None
    return package


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The folder of the images in a checkout whose bash has changed."""
    shutil.copytree(ROOT / "images", tmp_path / "images")
    (tmp_path / "images" / "bash" / "file").touch()
    return tmp_path / "images"


def count(engine: FakeEngine) -> int:
    return len(engine.list_images("bitrun.source"))


def test_an_image_that_another_service_replaced_goes_with_its_last_box(
    engine: FakeEngine, bash: Package, newer: Path
) -> None:
    ours, theirs = SealedImages(engine, ROOT / "images"), SealedImages(engine, newer)
    ours.remove_unused()
    before = count(engine)
    box = engine.create_container(bash.image, [], {})
    theirs.install(bash, lambda _: None)
    ours.note_change()
    ours.remove_unused()
    assert count(engine) == before + 1
    engine.remove_container(box)
    ours.remove_unused()
    assert count(engine) == before


def test_a_removed_image_goes_with_its_last_box(engine: FakeEngine, bash: Package) -> None:
    images = SealedImages(engine, ROOT / "images")
    before = count(engine)
    box = engine.create_container(bash.image, [], {})
    images.remove(bash)
    assert "bash" not in images.installed()
    assert count(engine) == before - 1  # the unsealed one
    engine.remove_container(box)
    images.remove_unused()
    assert count(engine) == before - 2


def test_without_a_change_the_engine_is_not_asked(engine: FakeEngine) -> None:
    images = SealedImages(engine, ROOT / "images")
    images.remove_unused()
    engine.calls.clear()
    images.remove_unused()
    assert engine.calls == []


def test_an_engine_that_fails_is_asked_again(engine: FakeEngine) -> None:
    images = SealedImages(engine, ROOT / "images")
    engine.faults["*"] = unavailable
    images.remove_unused()
    del engine.faults["*"]
    engine.calls.clear()
    images.remove_unused()
    assert engine.calls == ["list_images"]


def test_changes_take_the_lock_of_their_engine(
    engine: FakeEngine, bash: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def recorded(engine_id: str, report: Report) -> AbstractContextManager[None]:
        taken.append(engine_id)
        return images_lock(engine_id, report)

    monkeypatch.setattr(sealed, "images_lock", recorded)
    engine.engine_info = dataclasses.replace(engine.engine_info, id="another engine")
    images = SealedImages(engine, ROOT / "images")
    images.install(bash, lambda _: None)
    images.remove(bash)
    assert taken == ["another engine"] * 2
