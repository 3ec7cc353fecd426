"""Packages that go to a real registry, and come back from it to a real engine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents
from bitrun.images.change import remove_unused
from bitrun.images.registry import ImageRegistry
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import EngineError, EngineUnavailable
from bitrun.packages.cluster import ClusterPackages, NodeState
from bitrun.packages.installed import InstalledPackages
from tests.support.registry_server import RegistryServer

pytestmark = [pytest.mark.engine, pytest.mark.builds, pytest.mark.chaos]

OURS = "test-registry"
PACKAGE = Package(
    name=OURS,
    version="1",
    version_command="cat /version",
    build=OURS,
    languages=(Language(name="text", run="cat %s"),),
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    for image in engine.list_images("bitrun.source"):
        for tag in image.tags:
            if OURS in tag:
                engine.remove_image(tag)
    remove_unused(engine)
    engine.close()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    shutil.copytree(Settings().images, folder)
    (folder / OURS).mkdir()
    (folder / OURS / "Dockerfile").write_text("FROM bitrun/base\nCOPY version /version\n")
    (folder / OURS / "version").write_text("1.0\n")
    return folder


def node(engine: Engine, folder: Path, registry: RegistryServer) -> ClusterPackages:
    """Return the packages of a service that knows nothing yet."""
    images = SealedImages(engine, folder, shares=True)
    return ClusterPackages(
        Catalogue(packages=(PACKAGE,)),
        images,
        ImageRegistry(engine, images, f"{registry.address}/bitrun"),
        InstalledPackages(images, EngineEvents(engine)),
    )


@pytest.mark.attack(
    "fault",
    "the registry is away, and comes back",
    "nodes keep their packages; what is installed or removed then changes nothing",
)
def test_a_package_comes_back_from_the_registry(
    engine: Engine, folder: Path, registry: RegistryServer
) -> None:
    before = names(engine)
    one = node(engine, folder, registry)
    one.install(PACKAGE, lambda _: None)
    (built,) = installed(engine, folder)
    # As on a node that has just joined; what is built from the same source would be another image.
    SealedImages(engine, folder).remove(PACKAGE)
    assert installed(engine, folder) == []
    other = node(engine, folder, registry)
    other.sync()
    (pulled,) = installed(engine, folder)
    assert pulled == built
    assert other.pulls == {"ok": 1, "failed": 0}
    assert other.state(PACKAGE).node is NodeState.INSTALLED
    assert engine.run_command(PACKAGE.image, ["stat", "-c", "%a", "/bitrun/supervisor"]) == "755\n"
    registry.stop()
    for call in (other.sync, lambda: other.uninstall(PACKAGE)):
        with pytest.raises((EngineError, EngineUnavailable)):
            call()
    assert installed(engine, folder) == [pulled]
    registry.start()
    one.uninstall(PACKAGE)
    assert installed(engine, folder) == []
    other.sync()
    assert other.state(PACKAGE).installed is False
    assert not {name for name in names(engine) - before if registry.address in name}


def installed(engine: Engine, folder: Path) -> list[str]:
    found = SealedImages(engine, folder).installed()
    return [each.image for package, each in found.items() if package == OURS]


def names(engine: Engine) -> set[str]:
    return {tag for image in engine.list_images("bitrun.source") for tag in image.tags}
