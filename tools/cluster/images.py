"""The images that the stack runs, built by this machine's engine and packed into one archive.

Their base is Debian as BitRun's own images have it, and HAProxy, Redis, the registry and Prometheus
are Debian's packages: none is downloaded from a registry. The images that the stack files name have
the same commands and folders.
"""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
from docker.utils import kwargs_from_env

from tests.support.checkout import copy_of_checkout

BASE = "bitrun/debian:latest"
SERVICE = "bitrun-service"
TEST_TAG = "cluster-test"

_INSTALL = "RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends"
_CLEAN = "&& rm -rf /var/lib/apt/lists"
_OTHERS = {
    "haproxy": f"FROM {BASE}\n{_INSTALL} haproxy {_CLEAN}\n",
    "redis": (
        f"FROM {BASE}\n{_INSTALL} redis-server {_CLEAN}\n"
        "RUN install -d -o 999 -g 999 /data\nVOLUME /data\n"
    ),
    "registry": (
        f"FROM {BASE}\n{_INSTALL} docker-registry {_CLEAN}\n"
        'VOLUME /var/lib/registry\nENTRYPOINT ["docker-registry"]\n'
    ),
    "prometheus": (
        f"FROM {BASE}\n{_INSTALL} prometheus {_CLEAN}\n"
        "RUN install -d -o 65534 -g 65534 /prometheus\nVOLUME /prometheus\n"
        'ENTRYPOINT ["prometheus"]\n'
    ),
}
_CHUNK = 1 << 20


def reference(name: str) -> str:
    return f"bitrun-{name}:{TEST_TAG}"


def pack(stack: Path, packages: Path, installed: Sequence[str]) -> None:
    """Build the images of the stack, and save them and those of installed packages.

    Args:
        stack: the archive of the stack's images.
        packages: the archive of the packages' images.
        installed: ids of packages.

    Raises:
        docker.errors.DockerException: one can't be built, or a package is not installed.
    """
    client = docker.APIClient(version="auto", timeout=600, **kwargs_from_env())
    try:
        _build_service(client)
        for name, recipe in _OTHERS.items():
            _build(client, reference(name), fileobj=io.BytesIO(recipe.encode()))
        _save(client, [reference(name) for name in ("service", *_OTHERS)], stack)
        # All that their builds have used: so an installation finds that nothing has changed.
        parts = [tag for name in ("debian", "base", *installed) for tag in _tags(client, name)]
        _save(client, [*parts, *_tags(client, "toolchain"), *_tags(client, "supervisor")], packages)
    finally:
        client.close()


def _tags(client: docker.APIClient, name: str) -> list[str]:
    """Return all names of a package's images."""
    found = client.images(f"bitrun/{name}")
    return [tag for image in found for tag in image["RepoTags"] or ()]


def _build_service(client: docker.APIClient) -> None:
    with tempfile.TemporaryDirectory(prefix="bitrun-cluster-") as folder:
        _build(
            client,
            reference("service"),
            path=str(copy_of_checkout(Path(folder))),
            dockerfile="deploy/Dockerfile",
            buildargs={"BASE": BASE},
        )


def _build(client: docker.APIClient, tag: str, **options: Any) -> None:
    print(f"Building {tag}", flush=True)
    lines = list(client.build(tag=tag, network_mode="host", rm=True, decode=True, **options))
    if not any("Successfully tagged" in line.get("stream", "") for line in lines):
        raise docker.errors.BuildError(f"{tag} can't be built: {lines[-1]}", iter(lines))


def _save(client: docker.APIClient, references: list[str], archive: Path) -> None:
    # docker-py's get_image() takes one reference only.
    url = f"{client.base_url}/v{client.api_version}/images/get"
    with (
        client.get(url, params={"names": references}, stream=True) as response,
        archive.open("wb") as file,
    ):
        response.raise_for_status()
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)


def load(docker_host: str, archive: Path) -> None:
    """Load an archive into an engine.

    Raises:
        docker.errors.BuildError: the engine does not take it.
    """
    client = docker.APIClient(docker_host, version="1.41", timeout=600)
    try:
        with archive.open("rb") as file:
            # The engine begins to answer before it is ready, and gives up if nobody listens.
            lines = list(client.load_image(file))
        if errors := [line for line in lines if "error" in line]:
            raise docker.errors.BuildError(f"{archive} can't be loaded: {errors}", iter(lines))
    finally:
        client.close()
