"""What a former life left is removed; what a living neighbour is about to start is not."""

import time

import docker
import pytest

from bitrun.sandbox import leftovers
from bitrun.sandbox.engine import ROLE, Engine
from bitrun.sandbox.leftovers import remove_leftovers

pytestmark = pytest.mark.engine


def test_only_what_is_old_and_never_ran(
    docker_client: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine()
    container = docker_client.create_container(
        "bitrun/bash", ["true"], labels={ROLE: "box"}, name="bitrun-test-leftover"
    )["Id"]
    try:
        remove_leftovers(engine)
        assert docker_client.containers(all=True, filters={"id": container}), "it is new"
        monkeypatch.setattr(leftovers, "_ABANDONED_SECONDS", 2)
        time.sleep(3)
        remove_leftovers(engine)
        assert not docker_client.containers(all=True, filters={"id": container})
    finally:
        engine.remove(container)
        engine.close()
