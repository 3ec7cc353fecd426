"""Boxes that are killed or removed from outside during a run."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from tests.chaos.conftest import MonitoredServer
from tests.chaos.load import ask
from tests.support.containers import our_containers
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos]


def kill(client: docker.APIClient, box: str) -> None:
    client.kill(box)


def remove(client: docker.APIClient, box: str) -> None:
    client.remove_container(box, force=True)


def kill_supervisor(client: docker.APIClient, box: str) -> None:
    os.kill(client.inspect_container(box)["State"]["Pid"], signal.SIGKILL)


@pytest.mark.attack("fault", "a box is ended from outside", "503 at once; other runs go on")
def test_ended_from_outside(
    docker_client: docker.APIClient, serve_on: Callable[..., MonitoredServer]
) -> None:
    server = serve_on(docker_client, pool_size=0)
    before = our_containers(docker_client)

    def boxes() -> set[str]:
        return our_containers(docker_client).keys() - before.keys()

    for end in (kill, remove, kill_supervisor):
        with ThreadPoolExecutor() as pool:
            victim = pool.submit(ask, server, "victim", "sleep 30")
            assert wait_until(boxes, 10)
            box = boxes().pop()
            neighbour = pool.submit(ask, server, "neighbour", "sleep 2")
            assert wait_until(lambda: len(boxes()) == 2, 10)
            end(docker_client, box)
            answer = victim.result()
            assert answer.status == 503
            assert "container of this run has ended" in answer.text
            assert answer.seconds < 15
            assert neighbour.result().right
        assert wait_until(lambda: not boxes(), 5)
    assert ask(server, "next").right
