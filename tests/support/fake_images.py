"""Images of the default packages on a fake engine, installed as the service installs them."""

import socket
from functools import cache
from pathlib import Path

from bitrun.config import catalogue
from bitrun.config.settings import Settings
from bitrun.images.rootfs import UPSTREAM
from bitrun.images.sealed import SealedImages
from tests.support.fake_engine import Boxes, Container, FakeEngine, Running
from tests.support.paths import ROOT

# The default ones. Whatever the image, a box has the programs of this machine: python3, bash, gcc.
PACKAGES: tuple[str, ...] = Settings.model_fields["packages"].default


def engine_with_packages(
    boxes: Boxes, timeout: float = 60.0, journal: Path | None = None
) -> FakeEngine:
    """Make an engine that has the packages that `make install` brings, as far as tests use them."""
    engine = FakeEngine(boxes, timeout, journal)
    engine.copy_images(_installed())
    return engine


@cache  # an image is a few labels, but their sources are read and hashed
def _installed() -> FakeEngine:
    engine = FakeEngine(NoBoxes())
    engine.add_image(UPSTREAM)
    images = SealedImages(engine, ROOT / "images")
    known = catalogue.load(Settings.model_fields["languages"].default)
    for name in PACKAGES:
        package = known.package(name)
        assert package is not None
        engine.outputs[f"{package.image}:unsealed"] = package.version
        images.install(package, lambda _: None)
    return engine


class NoBoxes:
    """For an engine whose containers are never started."""

    def start(self, container: Container, attached: socket.socket) -> Running:
        raise NotImplementedError
