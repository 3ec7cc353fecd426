"""Kernels that are started ahead: who gets one, and when there are none."""

import base64
import dataclasses
from collections.abc import Callable, Iterator

import pytest

from bitrun.config.catalogue import Language, Package
from bitrun.config.settings import Settings
from bitrun.execution.kernels.cell import Cell, CellText, run_cell
from bitrun.execution.limits import language_limits
from bitrun.execution.sandboxes import warm
from bitrun.execution.sandboxes.sandbox import SandboxPlan
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.sandbox import SandboxLimits
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support import kernels
from tests.support.fake_engine import FakeEngine
from tests.support.waiting import wait_until

SECONDS = 60.0
SETTINGS = Settings(warm_kernels={"jupyter": 1, "python": 1, "missing": 1})


def inline(name: str) -> str:
    """Write a command that runs a script of kernels: there are no files in a new sandbox."""
    frame, script = ((kernels.SCRIPTS / f"{each}.py").read_text() for each in ("frame", name))
    source = frame + script.replace("from frame import message, read, write", "")
    encoded = base64.b64encode(source.encode()).decode()
    run = "import base64, sys; exec(base64.b64decode(sys.argv[1]))"
    return f"python3 -c '{run}' {encoded}"


@pytest.fixture
def runtimes() -> list[Runtime]:
    spec = kernels.kernel_spec("echo").model_copy(update={"command": inline("echo")})
    language = Language(name="jupyter", kernels=(spec,), **kernels.LANGUAGE)
    package = Package(
        name="jupyter", version="1", version_command="true", build="jupyter", languages=(language,)
    )
    return [Runtime(package, language, "1", "bitrun/python")]


@pytest.fixture
def sandboxes(fake_engine: FakeEngine, runtimes: list[Runtime]) -> Iterator[Sandboxes]:
    made = Sandboxes(Pool(BoxMaker(fake_engine, SETTINGS), 0, dict), SETTINGS, lambda _: None)
    made.start(lambda: runtimes)
    yield made
    made.close()


@pytest.fixture
def plan(runtimes: list[Runtime]) -> SandboxPlan:
    limits = language_limits(runtimes[0].language, SETTINGS)
    own = SandboxLimits(limits.stages["run"].memory, limits.box.processes, idle=600)
    return SandboxPlan(runtimes[0], own, {})


@pytest.fixture
def containers(fake_engine: FakeEngine) -> Callable[[], int]:
    return lambda: len(fake_engine.list_containers("bitrun.role"))


def is_ready(sandboxes: Sandboxes) -> bool:
    return wait_until(lambda: sandboxes.stats().warm == 1, SECONDS)


def test_a_new_sandbox_has_it(sandboxes: Sandboxes, plan: SandboxPlan) -> None:
    assert is_ready(sandboxes)
    assert sandboxes.of("alice") == []
    made = sandboxes.create("alice", plan, None)
    assert (made.owner, made.limits.idle) == ("alice", 600)
    assert [kernel.name for kernel in made.kernels.all()] == ["echo"]
    assert sandboxes.find("alice", made.id) is made
    events = run_cell(made.kernels.get(), Cell("1", 10_000, 100), None)
    assert [event.text for event in events if isinstance(event, CellText)] == ["1"]
    assert is_ready(sandboxes)  # the next


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: dataclasses.replace(plan, environment={"A": "1"}),
        lambda plan: dataclasses.replace(
            plan, limits=dataclasses.replace(plan.limits, memory=64 << 20)
        ),
    ],
)
def test_one_that_is_to_be_other_has_not(
    sandboxes: Sandboxes, plan: SandboxPlan, change: Callable[[SandboxPlan], SandboxPlan]
) -> None:
    assert is_ready(sandboxes)
    assert sandboxes.create("alice", change(plan), None).kernels.all() == []


def test_one_that_has_ended_is_replaced(
    sandboxes: Sandboxes, plan: SandboxPlan, monkeypatch: pytest.MonkeyPatch,
    fake_engine: FakeEngine,
) -> None:  # fmt: skip
    monkeypatch.setattr(warm, "_CHECK_SECONDS", 0.1)
    assert is_ready(sandboxes)
    (before,) = (each["Id"] for each in fake_engine.list_containers("bitrun.role"))
    fake_engine.remove_container(before)

    def is_replaced() -> bool:
        now = [each["Id"] for each in fake_engine.list_containers("bitrun.role")]
        return now != [] and before not in now

    assert wait_until(is_replaced, SECONDS)
    assert is_ready(sandboxes)
    made = sandboxes.create("alice", plan, None)
    assert made.container != before
    assert made.kernels.all()


def test_none_is_left_without_its_package(
    sandboxes: Sandboxes, runtimes: list[Runtime], containers: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(warm, "_CHECK_SECONDS", 0.1)
    assert is_ready(sandboxes)
    runtimes.clear()
    assert wait_until(lambda: not containers(), SECONDS)
