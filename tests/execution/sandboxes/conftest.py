"""Sandboxes on the fake engine, whose supervisors are real."""

from collections.abc import Callable, Iterator

import pytest

from bitrun.config.catalogue import load
from bitrun.config.settings import Settings
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.run_record import RunRecord
from bitrun.model.sandbox import SandboxLimits
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.fake_engine import FakeEngine

OWNER = "token alice"
SETTINGS = Settings(sandbox_lifetime=60)


@pytest.fixture
def pool(fake_engine: FakeEngine) -> Pool:
    return Pool(BoxMaker(fake_engine, SETTINGS), 0, dict)


@pytest.fixture
def records() -> list[RunRecord]:
    return []


@pytest.fixture
def sandboxes(pool: Pool, records: list[RunRecord]) -> Iterator[Sandboxes]:
    made = Sandboxes(pool, SETTINGS, records.append)
    yield made
    made.close()


def plan(idle: int = 600) -> SandboxPlan:
    package, language = next(
        pair for pair in load(SETTINGS.languages).languages() if pair[1].name == "bash"
    )
    runtime = Runtime(package, language, "5.2", "bitrun/bash")
    return SandboxPlan(runtime, SandboxLimits(64 << 20, 64, idle), {})


@pytest.fixture
def create(sandboxes: Sandboxes) -> Callable[..., Sandbox]:
    def create(owner: str | None = OWNER, idle: int = 600) -> Sandbox:
        return sandboxes.create(owner, plan(idle), None)

    return create
