"""Two checkouts of BitRun install other versions of the same packages on one engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from bitrun.engine.engine import Engine
from bitrun.images.rootfs import UPSTREAM
from bitrun.images.sealed import SealedImages
from tests.chaos import own_engine
from tests.chaos.install_worker import package
from tests.chaos.own_engine import OwnEngine
from tests.support.paths import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(600)]

PACKAGES = [f"test-install-{number}" for number in range(12)]
SECONDS = 60


@pytest.fixture(scope="module")
def empty_engine(docker_client: docker.APIClient) -> Iterator[OwnEngine]:
    """An engine with nothing but an image for `debian` to be built from, which is no Debian."""
    engine = own_engine.new()
    try:
        engine.start()
        engine.copy_image(docker_client, "bitrun/debian:latest")
        engine.client.tag("bitrun/debian:latest", UPSTREAM)
        engine.client.remove_image("bitrun/debian:latest")
        yield engine
    finally:
        engine.remove()


def checkout(folder: Path, version: str) -> Path:
    """Copy what an installation needs, with images that are quickly built."""
    for name in ("bitrun", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("static"))
    shutil.copytree(ROOT / "config", folder / "config")
    write(folder, "debian")
    write(folder, "base", "FROM bitrun/debian", "RUN mkdir /made")
    write(folder, "toolchain", "FROM bitrun/base", f"RUN echo {version} >/supervisor")
    write(
        folder,
        "supervisor",
        "FROM bitrun/toolchain:unsealed AS build",
        "RUN echo compiled >>/supervisor",
        "FROM scratch",
        "COPY --from=build /supervisor /bitrun/supervisor",
    )
    for number, name in enumerate(PACKAGES):
        parent = "bitrun/toolchain:unsealed" if number % 2 else "bitrun/base"
        write(
            folder,
            name,
            f"FROM {parent} AS build",
            f"RUN echo {version}.{number} >/made/version",
            f"FROM {parent}",
            "COPY --from=build /made/version /version",
        )
    return folder


def write(folder: Path, name: str, *dockerfile: str) -> None:
    (folder / "images" / name).mkdir(parents=True)
    if dockerfile:
        (folder / "images" / name / "Dockerfile").write_text("\n".join(dockerfile) + "\n")


def worker(folder: Path, engine: OwnEngine, mode: str) -> subprocess.Popen[str]:
    environment = {"PYTHONPATH": str(folder), "DOCKER_HOST": engine.host}
    command = [sys.executable, "-m", "tests.chaos.install_worker", mode, str(SECONDS), *PACKAGES]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("mode", ["locked", "unlocked"], ids=["one machine", "two machines"])
@pytest.mark.attack("fault", "two services install on one engine", "all installs succeed")
def test_installs_of_two_checkouts(
    tmp_path: Path, empty_engine: OwnEngine, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    client = empty_engine.client
    before = set(client.images(all=True, quiet=True))
    checkouts = [checkout(tmp_path / version, version) for version in ("1", "2")]
    workers = [worker(folder, empty_engine, mode) for folder in checkouts for _ in range(2)]
    outcomes = [(each.communicate(), each.returncode) for each in workers]
    errors = [error[-2000:] for (_, error), status in outcomes if status]
    installs = [int(output) for (output, _), status in outcomes if not status]
    assert errors == []
    assert sum(installs) >= len(PACKAGES)
    assert min(installs) > 0

    monkeypatch.setenv("DOCKER_HOST", empty_engine.host)
    images = SealedImages(Engine(), checkouts[0] / "images")
    images.remove_unused()
    assert client.images(filters={"dangling": True}) == []
    assert client.containers(all=True) == []
    for name in PACKAGES:
        images.remove(package(name))
    for name in ("bitrun/supervisor", "bitrun/toolchain:unsealed", "bitrun/base", "bitrun/debian"):
        client.remove_image(name)
        images.note_change()
        images.remove_unused()
    left = {tag for image in client.images() for tag in image["RepoTags"]}
    assert left == {UPSTREAM}
    assert set(client.images(all=True, quiet=True)) == before
