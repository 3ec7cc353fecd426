"""What a former life left is removed; what a living neighbour is about to start is not."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from bitrun.engine.engine import Engine
from bitrun.engine.labels import INSTANCE, ROLE
from bitrun.model.job import WORKDIR
from bitrun.sandbox.cleanup import orphans
from bitrun.sandbox.cleanup.orphans import OrphanRemover
from bitrun.sandbox.supervisor import SUPERVISOR

pytestmark = pytest.mark.also_engine


@pytest.fixture
def remover(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> OrphanRemover:
    """A remover for which a second is long enough, instead of a minute."""
    monkeypatch.setattr(orphans, "_ORPHAN_SECONDS", 1)
    return OrphanRemover(engine)


ULIMITS = [{"Name": name, "Soft": 1000, "Hard": 1000} for name in ("nofile", "fsize")]

Make = Callable[..., str]


@pytest.fixture
def make(engine: Engine) -> Iterator[Make]:
    made: list[str] = []

    def make(instance: str, *, started: bool) -> str:
        container = engine.create_container(
            "bitrun/bash",
            [SUPERVISOR, "20000", WORKDIR],
            {"network_mode": "none", "tmpfs": {WORKDIR: "size=4096"}, "ulimits": ULIMITS},
            labels={ROLE: "box", INSTANCE: instance},
        )
        made.append(container)
        attached.append(engine.attach_container(container))
        if started:
            engine.start_container(container)
        return container

    attached: list[socket.socket] = []
    yield make
    for container in made:
        engine.remove_container(container)
    for each in attached:
        each.close()


def exists(engine: Engine, container: str) -> bool:
    return container in {each["Id"] for each in engine.list_containers(ROLE)}


@pytest.mark.attack("fault", "containers that a former life has made", "removed after a minute")
def test_what_nobody_starts_is_removed(engine: Engine, remover: OrphanRemover, make: Make) -> None:
    abandoned = make("a former life", started=False)
    remover.remove()
    assert exists(engine, abandoned), "it is new"
    time.sleep(1)
    remover.remove()
    assert not exists(engine, abandoned)


@pytest.mark.attack("fault", "containers that a living neighbour has made", "never touched")
def test_a_neighbours_are_left_alone(engine: Engine, remover: OrphanRemover, make: Make) -> None:
    running, starting = make("a neighbour", started=True), make("a neighbour", started=False)
    remover.remove()
    engine.start_container(starting)
    time.sleep(1)
    remover.remove()
    assert exists(engine, running)
    assert exists(engine, starting)


@pytest.mark.attack("fault", "the wall clock jumps by a day", "no effect")
def test_no_wall_clock_is_asked(
    engine: Engine,
    remover: OrphanRemover,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = make("a neighbour", started=False)
    later = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: later)
    remover.remove()
    assert exists(engine, new)
