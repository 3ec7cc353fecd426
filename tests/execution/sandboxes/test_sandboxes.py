"""The life of sandboxes: how long, how many, and how they end."""

from collections.abc import Callable

import pytest

from bitrun.config.settings import Settings
from bitrun.execution.sandboxes import sandbox as module
from bitrun.execution.sandboxes.files import SandboxFiles
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.errors import (
    BoxError,
    CommandRejected,
    RequestError,
    SandboxBusy,
    SandboxEnded,
    SandboxFileNotFound,
    SandboxNotFound,
)
from bitrun.model.job import File, Job
from bitrun.model.result import Outcome
from bitrun.model.run_record import NoVerdict, RunRecord
from bitrun.model.sandbox import EndReason
from bitrun.sandbox.pool.pool import Pool
from bitrun.sandbox.supervisor.channels import MAX_CHANNELS
from tests.execution.sandboxes.conftest import OWNER, SETTINGS
from tests.support.fake_engine import FakeEngine
from tests.support.stages import BOX_LIMITS, stage
from tests.support.waiting import wait_until


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_an_idle_one_ends(
    sandboxes: Sandboxes, create: Callable[..., Sandbox], clock: Clock
) -> None:
    made = create(idle=600)
    clock.now += 599
    made.write([File("a", b"")])
    clock.now += 600
    assert sandboxes.find(OWNER, made.id) is made
    clock.now += 1
    with pytest.raises(SandboxEnded, match="nothing was done in it"):
        sandboxes.find(OWNER, made.id)
    assert sandboxes.stats().ended["idle"] == 1
    assert (sandboxes.stats().existing, sandboxes.stats().memory) == (0, 0)


def test_an_old_one_ends_even_if_it_is_used(
    sandboxes: Sandboxes, create: Callable[..., Sandbox], clock: Clock
) -> None:
    made = create()
    for _ in range(12):
        clock.now += 300
        made.write([File("a", b"")])
    assert sandboxes.of(OWNER) == [made]
    clock.now += 1
    sandboxes.end_expired()
    assert made.reason is EndReason.LIFETIME
    with pytest.raises(SandboxEnded, match="BITRUN_SANDBOX_LIFETIME"):
        made.write([File("a", b"")])


def test_one_whose_container_ends(
    sandboxes: Sandboxes, create: Callable[..., Sandbox], fake_engine: FakeEngine
) -> None:
    made = create()
    fake_engine.remove_container(made.container)
    assert wait_until(lambda: made.reason is EndReason.FAILED, 20)
    with pytest.raises(SandboxEnded, match="its container has ended"):
        sandboxes.find(OWNER, made.id)
    assert sandboxes.stats().existing == 0


def test_whose_it_is(sandboxes: Sandboxes, create: Callable[..., Sandbox]) -> None:
    made, hidden = create(), create(None)
    assert sandboxes.of(OWNER) == [made]
    assert sandboxes.of(None) == []
    assert sandboxes.find(None, hidden.id) is hidden
    for owner, sandbox in ((None, made), ("token bob", made), (OWNER, hidden)):
        with pytest.raises(SandboxNotFound):
            sandboxes.find(owner, sandbox.id)


def test_a_failed_creation_takes_no_place(
    sandboxes: Sandboxes, create: Callable[..., Sandbox], fake_engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise BoxError("no")

    monkeypatch.setattr("bitrun.sandbox.box.Box.share", fail)
    for _ in range(SETTINGS.max_sandboxes_per_client + 1):
        with pytest.raises(BoxError):
            create()
    assert sandboxes.stats().memory == 0
    assert wait_until(lambda: not fake_engine.list_containers("bitrun.role"), 20)


def test_the_pool_is_filled_beside_sandboxes(
    pool: Pool, sandboxes: Sandboxes, create: Callable[..., Sandbox]
) -> None:
    create()
    assert pool.stats().running == 0
    assert sandboxes.stats().existing == 1


def test_so_many_commands_at_once(create: Callable[..., Sandbox]) -> None:
    made = create()
    stages = (stage("sh", "-c", "echo started; sleep 600", wall_ms=600_000),)
    job = Job("bash", "bitrun/bash", (), stages, BOX_LIMITS)
    commands = [made.stream(job, None) for _ in range(MAX_CHANNELS)]
    for command in commands:
        next(command)
    with pytest.raises(SandboxBusy):
        made.write([File("a", b"")])
    commands[0].close()  # type: ignore[attr-defined]  # it is a generator

    def has_room() -> bool:
        try:
            made.write([File("a", b"")])
        except SandboxBusy:
            return False
        return True

    assert wait_until(has_room, 20)


def test_commands_are_counted(create: Callable[..., Sandbox], records: list[RunRecord]) -> None:
    made = create()
    job = Job("bash", "bitrun/bash", (), (stage("sh", "-c", "echo here; exit 3"),), BOX_LIMITS)
    made.run(job, None)
    left = made.stream(job, None)
    next(left)
    left.close()  # type: ignore[attr-defined]  # it is a generator
    missing = Job("bash", "bitrun/bash", (), (stage("no-such"),), BOX_LIMITS)
    with pytest.raises(CommandRejected):
        made.run(missing, None)
    outcomes = [Outcome.EXIT, NoVerdict.DISCONNECTED, NoVerdict.REJECTED]
    assert [record.outcome for record in records] == outcomes
    files = SandboxFiles(made, SETTINGS, None)
    with pytest.raises(SandboxFileNotFound):
        files.list("none")
    assert len(records) == 3


def test_several_workers_have_none(pool: Pool, create: Callable[..., Sandbox]) -> None:
    one = create()
    plan = SandboxPlan(one.runtime, one.limits, {})
    several = Sandboxes(pool, Settings(workers=2), lambda _: None)
    with pytest.raises(RequestError, match="BITRUN_WORKERS is 2"):
        several.create(OWNER, plan, None)
