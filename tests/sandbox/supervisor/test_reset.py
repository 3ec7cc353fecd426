"""The reset of a box between two jobs, by the real supervisor without Docker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrun.config.settings import Settings
from bitrun.model.errors import ResidueLeft
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.support.fake_engine import FakeEngine
from tests.support.stages import BOX_LIMITS, collect, stage


@pytest.fixture
def box(fake_engine: FakeEngine) -> Iterator[Box]:
    with BoxMaker(fake_engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        yield box


def reset(box: Box) -> None:
    box.supervisor.start_reset()
    box.supervisor.receive_reset(5)


def run(box: Box, script: str) -> bytes:
    verdict, stdout, stderr = collect(box.supervisor, stage("sh", "-c", script))
    assert (verdict.code, stderr) == (0, b"")
    return stdout


def test_files_are_gone(box: Box) -> None:
    run(box, "echo x >/box/f; mkdir -p /tmp/a/b; echo y >/dev/shm/z; chmod 0 /tmp/a")
    reset(box)
    assert run(box, "ls -a /box /tmp /dev/shm") == b"x"
