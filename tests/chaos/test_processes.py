"""kill -9 of the service's processes, at random moments."""

import os
import random
import signal
import time
from collections.abc import Callable

import docker
import pytest

from tests.chaos.conftest import MonitoredServer
from tests.chaos.load import Load, ask
from tests.support.containers import our_containers
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(600)]

Serve = Callable[..., MonitoredServer]


@pytest.mark.attack("fault", "kill -9 of the worker under load", "another one serves at once")
def test_killed_worker(docker_client: docker.APIClient, serve_on: Serve) -> None:
    server = serve_on(docker_client, pool_size=4)
    with Load(server) as load:
        for _ in range(8):
            time.sleep(random.uniform(0, 2))  # noqa: S311
            os.kill(server.worker, signal.SIGKILL)
            killed = len(load.answers)
            assert wait_until(lambda: any(it.right for it in load.since(killed)), 20)  # noqa: B023
    # Clients of a killed worker get no answer, but their connection ends.
    load.check(None)
    assert load.slowest < 10


@pytest.mark.attack("fault", "kill -9 of the master under load", "the worker ends, too")
def test_killed_master(docker_client: docker.APIClient, serve_on: Serve) -> None:
    for _ in range(3):
        server = serve_on(docker_client, pool_size=4)
        with Load(server) as load:
            time.sleep(random.uniform(0.5, 2))  # noqa: S311
            server.process.kill()
            server.process.wait()
            assert wait_until(lambda: ask(server, "x").status is None, 30)  # noqa: B023
        load.check(None)


@pytest.mark.attack("fault", "kill -9 of all of a service", "its boxes end, its neighbour's stay")
def test_a_neighbour_is_left_alone(docker_client: docker.APIClient, serve_on: Serve) -> None:
    before = our_containers(docker_client).keys()

    def new() -> set[str]:
        return our_containers(docker_client).keys() - before

    victim = serve_on(docker_client, pool_size=3)
    assert wait_until(lambda: len(new()) == 3, 20)
    victims = new()
    neighbour = serve_on(docker_client, pool_size=3)
    assert wait_until(lambda: len(new()) == 6, 20)
    neighbours = new() - victims
    # The janitor is killed, too: started boxes end by themselves.
    for process in victim.monitor.processes():
        os.kill(process, signal.SIGKILL)
    assert wait_until(lambda: not victims & new(), 5)
    assert neighbours <= new()
    assert ask(neighbour, "here").right
