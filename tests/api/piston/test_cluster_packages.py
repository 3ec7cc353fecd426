"""Piston v2's packages on a node of a cluster."""

import pytest
import requests

from tests.conftest import Serve
from tests.support.server import Server
from tests.support.tokens import ADMIN
from tests.support.waiting import wait_until

PATH = "/api/v2/packages"
BASH = {"language": "bash", "version": "*"}


@pytest.fixture
def node(serve: Serve) -> Server:
    return serve(registry="registry.test:5000/bitrun", admin_tokens=ADMIN)


def state(server: Server) -> tuple[object, object]:
    """Return whether bash is installed on the node, and its state in the cluster."""
    (bash,) = (each for each in server.get(PATH).json() if each["language"] == "bash")
    return bash["installed"], bash["cluster"]


def change(server: Server, method: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    return requests.request(method, server.url + PATH, json=BASH, headers=headers, timeout=60)


def test_a_package_joins_the_cluster_and_leaves_it(node: Server) -> None:
    assert wait_until(lambda: node.get("/readyz").status_code == 200, 20)
    # It was there before the cluster was.
    assert state(node) == (True, {"installed": False, "node": None})
    assert change(node, "POST").status_code == 200
    assert state(node) == (True, {"installed": True, "node": "installed"})
    again = change(node, "POST")
    assert (again.status_code, again.json()["message"]) == (500, "Already installed")
    assert change(node, "DELETE").status_code == 200
    assert state(node) == (False, {"installed": False, "node": None})
    assert change(node, "DELETE").status_code == 500


def test_without_a_registry_there_is_no_cluster(server: Server) -> None:
    assert all("cluster" not in each for each in server.get(PATH).json())
