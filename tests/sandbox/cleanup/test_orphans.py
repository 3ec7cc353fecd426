"""What a former life left is removed; what a living neighbour is about to start is not."""

import time
from collections.abc import Callable, Iterator

import docker
import pytest

from bitrun.engine.engine import Engine
from bitrun.engine.labels import INSTANCE, ROLE
from bitrun.sandbox.cleanup import orphans as leftovers_module
from bitrun.sandbox.cleanup.orphans import OrphanRemover

pytestmark = pytest.mark.engine


@pytest.fixture
def leftovers(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrphanRemover]:
    """With a patience of a second instead of a minute."""
    monkeypatch.setattr(leftovers_module, "_ORPHAN_SECONDS", 1)
    engine = Engine()
    yield OrphanRemover(engine)
    engine.close()


Make = Callable[..., str]


@pytest.fixture
def make(docker_client: docker.APIClient) -> Iterator[Make]:
    made: list[str] = []

    def make(instance: str, *, started: bool) -> str:
        container = docker_client.create_container(
            "bitrun/bash",
            ["sleep", "60"],
            labels={ROLE: "box", INSTANCE: instance},
            host_config=docker_client.create_host_config(network_mode="none"),
        )["Id"]
        made.append(container)
        if started:
            docker_client.start(container)
        return str(container)

    yield make
    engine = Engine()
    for container in made:
        engine.remove_container(container)
    engine.close()


def exists(client: docker.APIClient, container: str) -> bool:
    return bool(client.containers(all=True, filters={"id": container}))


@pytest.mark.attack("fault", "containers that a former life has made", "removed after a minute")
def test_what_nobody_starts_is_removed(
    docker_client: docker.APIClient, leftovers: OrphanRemover, make: Make
) -> None:
    abandoned = make("a former life", started=False)
    leftovers.remove()
    assert exists(docker_client, abandoned), "it is new"
    time.sleep(1)
    leftovers.remove()
    assert not exists(docker_client, abandoned)


@pytest.mark.attack("fault", "containers that a living neighbour has made", "never touched")
def test_a_neighbours_are_left_alone(
    docker_client: docker.APIClient, leftovers: OrphanRemover, make: Make
) -> None:
    running, starting = make("a neighbour", started=True), make("a neighbour", started=False)
    leftovers.remove()
    docker_client.start(starting)
    time.sleep(1)
    leftovers.remove()
    assert exists(docker_client, running)
    assert exists(docker_client, starting)


@pytest.mark.attack("fault", "the wall clock jumps by a day", "no effect")
def test_no_wall_clock_is_asked(
    docker_client: docker.APIClient,
    leftovers: OrphanRemover,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = make("a neighbour", started=False)
    later = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: later)
    leftovers.remove()
    assert exists(docker_client, new)
