"""`compose.https.yaml`: a service with HTTPS that needs only a name and a token."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests

from bitrun.access import tokens
from tests.support.checkout import copy_of_checkout
from tests.support.needs import need
from tests.support.ports import listens
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(1200)]

# In place of the registry's image, which has the same command and folders.
_CADDY_IMAGE = "test-bitrun-caddy"
_CADDY = """\
FROM bitrun/debian
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends caddy
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
"""
_SERVICE_IMAGE = "test-bitrun-service"
# No box waits, which would count as left behind, and no operator's image is replaced.
_CHANGES = f"""\
services:
  bitrun: {{image: {_SERVICE_IMAGE}, environment: {{BITRUN_POOL_SIZE: 0}}}}
  languages: {{image: {_SERVICE_IMAGE}}}
"""
_AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"


class Deployment:
    """Both compose files in a copy of the checkout, with the name `localhost`."""

    def __init__(self, folder: Path) -> None:
        self.token, token = tokens.create("alice", tokens.Role.RUN)
        self._checkout = copy_of_checkout(folder)
        deploy = self._checkout / "deploy"
        (deploy / "tokens").write_text(f"{token.line}\n")
        (deploy / "tokens").chmod(0o644)
        (deploy / "compose.test.yaml").write_text(_CHANGES)
        socket = os.environ.get("DOCKER_HOST", "/var/run/docker.sock").removeprefix("unix://")
        self._environment = os.environ | {
            "SITE": "localhost",
            "CADDY_IMAGE": _CADDY_IMAGE,
            "BASE": "bitrun/debian",
            "DOCKER_SOCKET": socket,
            "DOCKER_GID": str(Path(socket).stat().st_gid),
            "BITRUN_PACKAGES": "python",
        }
        self.authority = folder / "root.crt"

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        names = ("compose.yaml", "compose.https.yaml", "compose.test.yaml")
        files = [part for name in names for part in ("-f", f"deploy/{name}")]
        return subprocess.run(
            ["docker-compose", "-p", "test-bitrun", *files, *arguments],
            cwd=self._checkout, env=self._environment, capture_output=True, check=False,
        )  # fmt: skip

    def has_authority(self) -> bool:
        copied = self.compose("exec", "-T", "caddy", "cat", _AUTHORITY)
        self.authority.write_bytes(copied.stdout)
        return copied.returncode == 0

    def execute(self, **headers: str) -> requests.Response:
        body = {"language": "python", "version": "*", "files": [{"content": "print(6)"}]}
        url = "https://localhost/api/v2/execute"
        return requests.post(
            url, json=body, headers=headers, verify=str(self.authority), timeout=60
        )

    def port_5000(self, forwarded_for: str) -> requests.Response:
        headers = {"X-Forwarded-For": forwarded_for}
        return requests.get("http://127.0.0.1:5000/api/v2/packages", headers=headers, timeout=60)


@pytest.fixture(scope="module")
def deployment(
    docker_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    need("docker-compose", "docker-compose")
    built = docker_client.build(
        fileobj=io.BytesIO(_CADDY.encode()),
        tag=_CADDY_IMAGE,
        network_mode="host",
        rm=True,
        decode=True,
    )
    assert "Successfully tagged" in "".join(each.get("stream", "") for each in built)
    deployment = Deployment(tmp_path_factory.mktemp("https"))
    try:
        up = deployment.compose("up", "--build", "-d")
        assert up.returncode == 0, up.stderr
        assert wait_until(lambda: listens(443), 60)
        assert wait_until(deployment.has_authority, 60)
        yield deployment
    finally:
        deployment.compose("down", "-v", "--remove-orphans")
        for image in (_CADDY_IMAGE, _SERVICE_IMAGE):
            docker_client.remove_image(image)


def test_a_program_runs(deployment: Deployment) -> None:
    header = {"Authorization": f"Bearer {deployment.token}"}
    assert wait_until(lambda: deployment.execute(**header).status_code == 200, 60)
    assert deployment.execute(**header).json()["run"]["stdout"] == "6\n"


def test_a_token_is_needed(deployment: Deployment) -> None:
    assert deployment.execute().status_code == 401


def test_http_is_redirected(deployment: Deployment) -> None:
    del deployment
    reply = requests.get("http://localhost/readyz", allow_redirects=False, timeout=60)
    assert reply.headers["Location"] == "https://localhost/readyz"


def test_only_the_proxy_names_clients(deployment: Deployment) -> None:
    """The request log has the gateway's address, not what a user of port 5000 claims."""
    assert deployment.port_5000("203.0.113.9").status_code == 200
    log = deployment.compose("logs", "--no-color", "bitrun").stdout.decode()
    assert "GET /api/v2/packages 200" in log
    assert "203.0.113.9" not in log
