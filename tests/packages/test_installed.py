"""The cache of the installed packages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bitrun.engine.engine import Engine
from bitrun.engine.events import IMAGE_EVENTS, EngineEvents, Listener
from bitrun.images.sealed import InstalledPackage, SealedImages
from bitrun.packages.installed import InstalledPackages


class Events(EngineEvents):
    """Events that the test sends."""

    def __init__(self) -> None:
        super().__init__(Engine())
        self.is_connected = True
        self.listener: Listener = lambda *_: None

    @property
    def connected(self) -> bool:
        return self.is_connected

    def subscribe(self, listener: Listener) -> None:
        self.listener = listener


class Images(SealedImages):
    """Counts the queries; `during` is called in each."""

    def __init__(self) -> None:
        super().__init__(Engine(), Path())
        self.queries = 0
        self.during: Callable[[], None] = lambda: None

    def installed(self) -> dict[str, InstalledPackage]:
        self.queries += 1
        self.during()
        return {"bash": InstalledPackage("sha256:0", "5.2")}


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def images() -> Images:
    return Images()


@pytest.fixture
def installed(images: Images, events: Events) -> InstalledPackages:
    return InstalledPackages(images, events)


def test_one_query_is_enough(installed: InstalledPackages, images: Images) -> None:
    assert installed.cached is None
    assert installed() is installed() is installed.cached
    assert images.queries == 1


@pytest.mark.parametrize("action", [*IMAGE_EVENTS, EngineEvents.RECONNECT])
def test_events_of_images_invalidate_it(
    installed: InstalledPackages, images: Images, events: Events, action: str
) -> None:
    installed()
    events.listener("destroy", "")
    assert installed.cached is not None
    events.listener(action, "")
    assert installed.cached is None
    installed()
    assert images.queries == 2


def test_without_events_nothing_is_cached(
    installed: InstalledPackages, images: Images, events: Events
) -> None:
    installed()
    events.is_connected = False
    assert installed.cached is None
    assert installed() == installed()
    assert images.queries == 3


def test_a_change_during_the_query(
    installed: InstalledPackages, images: Images, events: Events
) -> None:
    images.during = lambda: events.listener("tag", "")
    assert installed().keys() == {"bash"}
    assert installed.cached is None
