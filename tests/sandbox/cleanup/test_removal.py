"""The removal of boxes by force."""

from collections.abc import Sequence

import pytest

from bitrun.engine.engine import Engine
from bitrun.model.errors import EngineError, EngineUnavailable
from bitrun.sandbox.cleanup.removal import remove_box


class OneBox(Engine):
    """Can't kill its container before a command was executed there."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.calls: list[object] = []
        self.error: Exception | None = error

    def remove_container(self, container: str) -> None:
        self.calls.append(container)
        if self.error is not None:
            raise self.error

    def execute(self, container: str, command: Sequence[str]) -> None:
        self.calls.append((container, *command))
        self.error = None


def test_one_that_the_engine_can_not_kill() -> None:
    engine = OneBox(EngineError("tried to kill container, but did not receive an exit event"))
    remove_box(engine, "box")
    assert engine.calls == ["box", ("box", "/bitrun/supervisor", "kill"), "box"]


def test_an_engine_that_is_away() -> None:
    engine = OneBox(EngineUnavailable())
    with pytest.raises(EngineUnavailable):
        remove_box(engine, "box")
    assert engine.calls == ["box"]
