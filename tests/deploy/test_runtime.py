"""Other runtimes of the engine, such as gVisor and Kata."""

from collections.abc import Callable

import docker
import pytest

from tests.support.server import Server

pytestmark = pytest.mark.engine


def test_the_runtime_is_the_one_named(
    serve: Callable[..., Server], docker_client: docker.APIClient
) -> None:
    server = serve(runtime="runc", pool_size=1, pool_pinned="python=1")
    assert server.run(filename="a.py", content="print(1)").text == "1\n"
    containers = docker_client.containers(filters={"label": "bitrun.role=box"})
    runtimes = {
        docker_client.inspect_container(it["Id"])["HostConfig"]["Runtime"] for it in containers
    }
    assert runtimes <= {"runc"}


def test_an_unknown_runtime_is_an_error_of_the_service(serve: Callable[..., Server]) -> None:
    answer = serve(runtime="no-such-runtime").run(filename="a.py", content="print(1)")
    assert answer.status_code >= 500
    assert "error" in answer.json()
