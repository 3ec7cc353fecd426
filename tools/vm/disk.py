"""The disk that tests start from: the image's, with BitRun's images loaded into its engine.

They are copied from this machine's engine: a build would need the network, which the virtual
machine does not have, and hours of an emulated processor.
"""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import docker
from docker.utils import kwargs_from_env

from tools.vm.image import Image
from tools.vm.machine import running

_MAX_LOAD_SECONDS = 1800
_CHUNK = 1 << 20


def prepare(image: Image, references: Sequence[str]) -> Path:
    """Return the disk that holds these images of the local engine, made unless it is cached.

    Raises:
        docker.errors.ImageNotFound: the local engine lacks one.
        MachineError: no machine starts.
        subprocess.SubprocessError: the images can't be loaded.
    """
    client = docker.APIClient(version="auto", **kwargs_from_env())
    try:
        ids = [client.inspect_image(reference)["Id"] for reference in references]
        key = hashlib.sha256(repr(sorted(ids)).encode()).hexdigest()[:16]
        disk = image.disk.with_name(f"loaded-{key}.img")
        if not disk.exists():
            for old in disk.parent.glob("loaded-*"):
                old.unlink()
            _load(client, image, references, disk)
    finally:
        client.close()
    return disk


def _load(client: docker.APIClient, image: Image, references: Sequence[str], disk: Path) -> None:
    archive, unfinished = disk.with_suffix(".tar"), disk.with_suffix(".unfinished")
    print(f"Loading {', '.join(references)}", flush=True)
    _save(client, references, archive)
    subprocess.run(["cp", "--sparse=always", image.disk, unfinished], check=True)
    with running(image, unfinished, archive) as machine:
        print(f"The engine answers after {machine.boot_seconds:.0f} s", flush=True)
        machine.run("docker load --quiet --input /dev/vdb", _MAX_LOAD_SECONDS)
    archive.unlink()
    unfinished.rename(disk)


def _save(client: docker.APIClient, references: Sequence[str], archive: Path) -> None:
    """Write all into one archive, in which shared layers are shared."""
    # docker-py's get_image() takes one reference only.
    url = f"{client.base_url}/v{client.api_version}/images/get"
    with (
        client.get(url, params={"names": list(references)}, stream=True) as response,
        archive.open("wb") as file,
    ):
        response.raise_for_status()
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
