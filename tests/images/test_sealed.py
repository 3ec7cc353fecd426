"""Sealed images on a real engine: built, kept, replaced, removed."""

import shutil
import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docker
import pytest

from bitrun.config import catalogue
from bitrun.config.catalogue import Language, Package, argv
from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.images.build_context import pack_dockerfile
from bitrun.images.change import remove_unused
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import BuildError, ServiceError

pytestmark = pytest.mark.engine

OURS = "test-images"
OWN = f"bitrun-{OURS}/own:1"
LANGUAGES = (Language(name="text", run="cat %s"),)
BUILT = Package(
    name=OURS,
    version="1",
    version_command="cat /version",
    build=OURS,
    languages=LANGUAGES,
)
PULLED = Package(
    name=f"{OURS}-own",
    version="1",
    version_command="cat /version",
    pull=OWN,
    languages=LANGUAGES,
)
DEFAULT = [
    package
    for package in catalogue.load(Settings().languages).packages
    if package.id in Settings().packages
]


class Lines(list[str]):
    """A report that keeps its lines."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the real images, and one more that tests change."""
    folder = tmp_path / "images"
    shutil.copytree(Settings().images, folder)
    (folder / OURS).mkdir()
    write(folder, "FROM bitrun/base", "COPY version /version")
    (folder / OURS / "version").write_text("1.0\n")
    return folder


def write(folder: Path, *dockerfile: str) -> None:
    (folder / OURS / "Dockerfile").write_text("\n".join(dockerfile) + "\n")


@pytest.fixture
def images(engine: Engine, folder: Path) -> Iterator[SealedImages]:
    yield SealedImages(engine, folder)
    for image in engine.list_images("bitrun.source"):
        for tag in image.tags:
            if OURS in tag or OURS in image.labels.get("bitrun.allowed", ""):
                engine.remove_image(tag)
    engine.remove_image(OWN)
    remove_unused(engine)


@pytest.fixture
def everything(docker_client: docker.APIClient) -> set[str]:
    """All images of the engine, those without a name included."""
    return set(docker_client.images(all=True, quiet=True))


def build_own(engine: Engine, *dockerfile: str) -> None:
    """Build an image as an operator would, without any of our labels."""
    engine.build_image(BytesIO(pack_dockerfile("\n".join(dockerfile))), OWN, {}, Lines())


def id_of(engine: Engine, tag: str) -> str:
    image = engine.find_image(tag)
    assert image is not None
    return image.id


def supervisor_in(engine: Engine, image: str) -> str:
    return engine.run_command(image, ["stat", "-c", "%a %U", "/bitrun/supervisor"])


def test_installed_packages_have_their_version(engine: Engine, images: SealedImages) -> None:
    images.install(BUILT, Lines())
    installed = images.installed()[OURS]
    assert installed.version == "1.0"
    assert installed.image == id_of(engine, BUILT.image)
    assert supervisor_in(engine, BUILT.image) == "755 root\n"


def test_an_unchanged_package_is_not_built(images: SealedImages) -> None:
    images.install(BUILT, Lines())
    before = images.installed()
    report = Lines()
    images.install(BUILT, report)
    assert report == []
    assert images.installed() == before


def test_changed_file_replaces_the_image(
    engine: Engine, images: SealedImages, folder: Path
) -> None:
    images.install(BUILT, Lines())
    before = images.installed()[OURS]
    (folder / OURS / "version").write_text("2.0\n")
    images.install(BUILT, Lines())
    assert images.installed()[OURS].version == "2.0"
    assert engine.find_image(before.image) is None


def test_changed_version_command_is_run(images: SealedImages) -> None:
    images.install(BUILT, Lines())
    images.install(BUILT.model_copy(update={"version_command": "echo 3.0"}), Lines())
    assert images.installed()[OURS].version == "3.0"


def test_changed_base_reaches_its_children(
    engine: Engine, images: SealedImages, folder: Path
) -> None:
    (folder / f"{OURS}-base").mkdir()
    parent = folder / f"{OURS}-base" / "Dockerfile"
    parent.write_text("FROM bitrun/base\nRUN echo 1.0 > /version\n")
    write(folder, f"FROM bitrun/{OURS}-base:unsealed")
    images.install(BUILT, Lines())
    parent.write_text("FROM bitrun/base\nRUN echo 2.0 > /version\n")
    images.install(BUILT, Lines())
    assert images.installed()[OURS].version == "2.0"


def test_failing_build_reports_its_last_lines_and_leaves_nothing(
    images: SealedImages, folder: Path, everything: set[str], docker_client: docker.APIClient
) -> None:
    write(folder, "FROM bitrun/base", "RUN touch /made", "RUN seq 1 100; exit 3")
    with pytest.raises(BuildError) as fault:
        images.install(BUILT, Lines())
    lines = str(fault.value).splitlines()
    assert lines[-2] == "100"
    assert lines[-1].endswith("returned a non-zero code: 3")
    assert len(lines) == 21
    assert OURS not in images.installed()
    assert set(docker_client.images(all=True, quiet=True)) == everything


def test_failing_rebuild_keeps_the_installed_image(images: SealedImages, folder: Path) -> None:
    images.install(BUILT, Lines())
    before = images.installed()
    write(folder, "FROM bitrun/base", "RUN false")
    with pytest.raises(BuildError):
        images.install(BUILT, Lines())
    assert images.installed() == before


@pytest.mark.parametrize(
    ("command", "message"),
    [("true", "prints nothing"), ("false", "exited with 1")],
)
def test_silent_version_command_is_an_error(
    images: SealedImages, command: str, message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        images.install(BUILT.model_copy(update={"version_command": command}), Lines())
    assert OURS not in images.installed()


def test_missing_folder_is_an_error(images: SealedImages) -> None:
    with pytest.raises(BuildError, match="nowhere"):
        images.install(BUILT.model_copy(update={"build": "nowhere"}), Lines())


def test_removed_package_is_gone(
    images: SealedImages, everything: set[str], docker_client: docker.APIClient
) -> None:
    images.install(BUILT, Lines())
    images.remove(BUILT)
    assert OURS not in images.installed()
    assert set(docker_client.images(all=True, quiet=True)) == everything


def test_an_operators_image_gets_the_supervisor(engine: Engine, images: SealedImages) -> None:
    build_own(
        engine,
        "FROM bitrun/base",
        "RUN echo 7.1 > /version",
        "USER nobody",
        "HEALTHCHECK CMD true",
        'ENTRYPOINT ["false"]',
    )
    images.install(PULLED, Lines())
    assert images.installed()[PULLED.name].version == "7.1"
    assert supervisor_in(engine, PULLED.image) == "755 root\n"
    assert engine.run_command(PULLED.image, ["id", "-u"]) == "0\n"


def test_operator_s_new_image_is_taken_and_survives_removal(
    engine: Engine, images: SealedImages
) -> None:
    build_own(engine, "FROM bitrun/base", "RUN echo 7.1 > /version")
    images.install(PULLED, Lines())
    build_own(engine, "FROM bitrun/base", "RUN echo 7.2 > /version")
    images.install(PULLED, Lines())
    assert images.installed()[PULLED.name].version == "7.2"
    images.remove(PULLED)
    assert PULLED.name not in images.installed()
    assert engine.find_image(OWN) is not None


def test_allowed_image_gets_the_supervisor(engine: Engine, images: SealedImages) -> None:
    build_own(engine, "FROM bitrun/base")
    tag = images.seal_allowed(OWN, Lines())
    assert images.allowed()[OWN] == tag
    assert supervisor_in(engine, tag) == "755 root\n"
    report = Lines()
    assert images.seal_allowed(OWN, report) == tag
    assert report == []


def test_image_made_from_a_package_does_not_pass_for_it(
    engine: Engine, images: SealedImages
) -> None:
    before = images.installed()
    build_own(engine, "FROM bitrun/bash", "RUN touch /more")
    images.seal_allowed(OWN, Lines())
    assert images.installed() == before


def test_image_with_volumes_is_refused(engine: Engine, images: SealedImages) -> None:
    build_own(engine, "FROM bitrun/base", "VOLUME /data")
    with pytest.raises(BuildError, match="declares volumes"):
        images.seal_allowed(OWN, Lines())


def test_unknown_image_is_an_error(images: SealedImages) -> None:
    with pytest.raises(ServiceError):
        images.seal_allowed("127.0.0.1:1/nobody/has-this", Lines())


def test_builds_use_the_proxies(
    images: SealedImages, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "mirror.example")
    write(folder, "FROM bitrun/base", "RUN echo $no_proxy > /version")
    images.install(BUILT, Lines())
    assert images.installed()[OURS].version == "mirror.example"


def test_builds_are_given_the_certificates_and_no_image_keeps_them(
    engine: Engine, folder: Path, tmp_path: Path, images: SealedImages
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    write(
        folder,
        "FROM bitrun/base AS build",
        "COPY ca-bundle.pem /",
        "RUN wc -c < /ca-bundle.pem > /version",
        "FROM bitrun/base",
        "COPY --from=build /version /",
    )
    images.install(BUILT, Lines())
    without = images.installed()[OURS]
    assert without.version == "0"
    trusting = SealedImages(engine, folder, bundle)
    trusting.install(BUILT, Lines())
    assert trusting.installed()[OURS] == without  # the bundle is no part of the source
    trusting.remove(BUILT)
    trusting.install(BUILT, Lines())
    assert trusting.installed()[OURS].version == "12"
    assert engine.run_command(BUILT.image, ["find", "/", "-xdev", "-name", "ca-bundle.pem"]) == ""


def test_unreadable_certificates_are_an_error(
    engine: Engine, folder: Path, tmp_path: Path, images: SealedImages
) -> None:
    with pytest.raises(BuildError, match="certificates"):
        SealedImages(engine, folder, tmp_path / "nowhere").install(BUILT, Lines())


def test_a_silent_registry_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert not Engine(1.0).is_in_registry(f"127.0.0.1:{port}/debian:trixie-slim")


@pytest.mark.parametrize("package", DEFAULT, ids=lambda package: package.name)
def test_version_shown_is_the_version_that_runs(
    engine: Engine, images: SealedImages, package: Package
) -> None:
    version = images.installed()[package.name].version
    assert version == engine.run_command(package.image, argv(package.version_command)).strip()
    # Debian's updates raise the last number, and the catalogue can't know when.
    assert version.split(".")[:2] == package.version.split(".")[:2]
