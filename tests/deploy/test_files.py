"""The files of `deploy/` but for the proxies: image, compose file, systemd unit."""

import os
import subprocess
from pathlib import Path

import docker
import pytest
import requests
import yaml

from tests.support.checkout import copy_of_checkout
from tests.support.needs import need
from tests.support.paths import ROOT
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"


@pytest.mark.engine
def test_the_compose_file_is_valid_and_gives_no_privileges(tmp_path: Path) -> None:
    need("docker-compose", "docker-compose")
    (tmp_path / "tokens").touch()
    environment = {"DOCKER_GID": "999", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    for service in yaml.safe_load(done.stdout)["services"].values():
        assert service["user"] == "10001:10001"
        assert service["group_add"] == ["999"]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges"]
        assert not service.get("privileged")
    bitrun = yaml.safe_load(done.stdout)["services"]["bitrun"]
    assert bitrun["ports"] == ["127.0.0.1:5000:5000/tcp"]
    assert bitrun["environment"]["BITRUN_API_TOKENS_FILE"] == "/run/secrets/tokens"
    volumes = {each["target"]: each["type"] for each in bitrun["volumes"]}
    assert volumes == {"/var/run/docker.sock": "bind", "/var/lib/bitrun": "volume"}


@pytest.mark.engine
def test_the_compose_file_asks_for_the_sockets_group() -> None:
    need("docker-compose", "docker-compose")
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "stat -c %g /var/run/docker.sock" in done.stderr


def test_the_unit_is_valid_and_restricted(tmp_path: Path) -> None:
    need("systemd-analyze", "systemd")
    unit = tmp_path / "bitrun.service"
    # Paths of the unit must exist, so that /opt/bitrun is replaced by this checkout.
    unit.write_text((DEPLOY / "bitrun.service").read_text().replace("/opt/bitrun", str(ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], check=True, capture_output=True, text=True
    )
    assert "bitrun.service" not in done.stderr
    subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        check=True,
        capture_output=True,
    )


def create_token(client: docker.APIClient, image: str, file: Path) -> str:
    """Have the image create a token, as docs/deploying.md shows, and return it."""
    command = ["python", "-m", "bitrun", "tokens", "create", "alice"]
    host = client.create_host_config(network_mode="none")
    container = client.create_container(image, command, host_config=host)["Id"]
    try:
        client.start(container)
        assert client.wait(container)["StatusCode"] == 0
        file.write_bytes(client.logs(container, stderr=False))
        shown: bytes = client.logs(container, stdout=False)
        return shown.decode().splitlines()[1]
    finally:
        client.remove_container(container)


@pytest.mark.engine
@pytest.mark.chaos
@pytest.mark.timeout(1200)
def test_the_image_is_built_and_answers(docker_client: docker.APIClient, tmp_path: Path) -> None:
    """As in compose.yaml, but on the host's network, the only one that every engine has."""
    built = docker_client.build(
        str(copy_of_checkout(tmp_path)),
        dockerfile="deploy/Dockerfile",
        tag="test-bitrun-service",
        buildargs={"BASE": "bitrun/debian"},
        network_mode="host",
        rm=True,
        decode=True,
    )
    assert "Successfully tagged" in "".join(line.get("stream", "") for line in built)
    secret = create_token(docker_client, "test-bitrun-service", tmp_path / "tokens")
    path = os.environ.get("DOCKER_HOST", "/var/run/docker.sock").removeprefix("unix://")
    port = free_port()
    host = docker_client.create_host_config(
        network_mode="host",
        group_add=[str(Path(path).stat().st_gid)],
        read_only=True,
        tmpfs={"/tmp": "mode=1777,size=16m,noexec,nosuid,nodev"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        binds={
            path: {"bind": "/var/run/docker.sock"},
            str(tmp_path / "tokens"): {"bind": "/run/secrets/tokens", "mode": "ro"},
        },
    )
    container = docker_client.create_container(
        "test-bitrun-service",
        user="10001:10001",
        host_config=host,
        environment={
            "BITRUN_PORT": str(port),
            "BITRUN_HOST": "127.0.0.1",
            "BITRUN_API_TOKENS_FILE": "/run/secrets/tokens",
        },
    )["Id"]
    try:
        docker_client.start(container)
        assert wait_until(lambda: listens(port), 30), docker_client.logs(container)
        answer = requests.post(
            f"http://127.0.0.1:{port}/api/v1/run",
            data={"filename": "a.py", "content": "print(1)"},
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
        )
        assert (answer.status_code, answer.text) == (200, "1\n")
        asked = docker_client.exec_create(container, ["bitrun", "--version"])["Id"]
        assert docker_client.exec_start(asked).startswith(b"bitrun ")
        asked = docker_client.exec_create(container, ["ls", "images/bash/samples/bash"])["Id"]
        assert b"hello" in docker_client.exec_start(asked)  # for bitrun doctor
        health = docker_client.inspect_image("test-bitrun-service")["Config"]["Healthcheck"]["Test"]
        asked = docker_client.exec_create(container, health[1:])["Id"]
        docker_client.exec_start(asked)
        assert docker_client.exec_inspect(asked)["ExitCode"] == 0
        # Stopped as an operator does. Killed, together with its janitor, it would leave a box that
        # is being created until its next start.
        docker_client.stop(container, timeout=40)
        assert docker_client.inspect_container(container)["State"]["ExitCode"] == 0
    finally:
        docker_client.remove_container(container, force=True)
        docker_client.remove_image("test-bitrun-service")
