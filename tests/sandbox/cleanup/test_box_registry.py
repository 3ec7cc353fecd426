"""Which boxes exist, by our own calls and the engine's events."""

from typing import Any

import pytest

from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents, Listener
from bitrun.model.errors import EngineUnavailable
from bitrun.sandbox.cleanup.box_registry import BoxCounts, BoxRegistry


class Events(EngineEvents):
    """Events that the test sends."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.listener: Listener = lambda *_: None

    def subscribe(self, listener: Listener) -> None:
        self.listener = listener


class Listing(Engine):
    """Has these containers."""

    def __init__(self, *containers: str) -> None:
        super().__init__()
        self.existing: list[str] | None = list(containers)

    def list_containers(self, label: str, value: str | None = None) -> list[dict[str, Any]]:
        assert (label, value) == ("bitrun.instance", "ours")
        if self.existing is None:
            raise EngineUnavailable
        return [{"Id": container} for container in self.existing]


@pytest.fixture
def removals() -> list[float]:
    return []


@pytest.fixture
def engine() -> Listing:
    return Listing()


@pytest.fixture
def events(engine: Listing) -> Events:
    return Events(engine)


@pytest.fixture
def registry(events: Events, engine: Listing, removals: list[float]) -> BoxRegistry:
    registry = BoxRegistry("ours", removals.append)
    registry.follow(events, engine)
    for container in ("a", "b"):
        registry.add(container)
    return registry


def test_a_removal_is_timed_from_the_release(
    registry: BoxRegistry, events: Events, removals: list[float]
) -> None:
    registry.release("a")
    assert registry.stats() == BoxCounts(created=2, removed=0, existing=2)
    events.listener("destroy", "a")
    assert registry.stats() == BoxCounts(created=2, removed=1, existing=1)
    (seconds,) = removals
    assert 0 <= seconds < 1


def test_a_removal_without_a_release_is_only_counted(
    registry: BoxRegistry, events: Events, removals: list[float]
) -> None:
    events.listener("destroy", "b")
    registry.release("b")
    assert registry.stats() == BoxCounts(created=2, removed=1, existing=1)
    assert removals == []


def test_other_events_and_containers_are_ignored(registry: BoxRegistry, events: Events) -> None:
    events.listener("destroy", "another service's")
    events.listener("tag", "a")
    registry.release("another service's")
    assert registry.stats() == BoxCounts(created=2, removed=0, existing=2)


def test_a_reconnection_finds_the_removals_that_were_missed(
    registry: BoxRegistry, events: Events, engine: Listing
) -> None:
    engine.existing = None
    events.listener(EngineEvents.RECONNECT, "")
    assert registry.stats().existing == 2
    engine.existing = ["b"]
    events.listener(EngineEvents.RECONNECT, "")
    assert registry.stats() == BoxCounts(created=2, removed=1, existing=1)
