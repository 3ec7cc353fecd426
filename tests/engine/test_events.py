"""The events of an engine that comes and goes."""

import queue
from collections.abc import Iterator, Sequence

import pytest

from bitrun.engine import events as events_module
from bitrun.engine.engine import Engine
from bitrun.engine.events import EngineEvents
from bitrun.model.errors import EngineUnavailable
from tests.support.waiting import wait_until

END = ("end", "")


class Scripted(Engine):
    """Gives the events that are put into a queue; `END` or an exception ends a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.script: queue.Queue[tuple[str, str] | Exception] = queue.Queue()
        self.available = True

    def events(self, actions: Sequence[str]) -> Iterator[tuple[str, str]]:
        assert "destroy" in actions
        if not self.available:
            raise EngineUnavailable
        return self._scripted()

    def _scripted(self) -> Iterator[tuple[str, str]]:
        while (event := self.script.get()) != END:
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    monkeypatch.setattr(events_module, "_RETRY_SECONDS", 0.01)
    return Scripted()


def test_listeners_get_the_events(engine: Scripted) -> None:
    events = EngineEvents(engine)
    heard: list[tuple[str, str]] = []
    also: list[tuple[str, str]] = []
    events.subscribe(lambda *event: heard.append(event))
    events.subscribe(lambda *event: also.append(event))
    engine.script.put(("destroy", "box"))
    assert wait_until(lambda: events.connected, 5)
    assert wait_until(lambda: heard == [("reconnect", ""), ("destroy", "box")], 5)
    assert also == heard


@pytest.mark.parametrize("end", [END, EngineUnavailable(), RuntimeError("unexpected")])
def test_it_connects_again(engine: Scripted, end: tuple[str, str] | Exception) -> None:
    events = EngineEvents(engine)
    heard: list[str] = []
    events.subscribe(lambda action, _: heard.append(action))
    assert wait_until(lambda: events.connected, 5)
    engine.available = False
    engine.script.put(end)
    assert wait_until(lambda: not events.connected, 5)
    engine.available = True
    assert wait_until(lambda: events.connected, 5)
    engine.script.put(("tag", "image"))
    assert wait_until(lambda: heard == ["reconnect", "reconnect", "tag"], 5)
