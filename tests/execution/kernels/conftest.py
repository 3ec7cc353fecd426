"""A sandbox in a box of processes, whose kernels are scripts."""

from collections.abc import Iterator

import pytest

from bitrun.config.catalogue import Language, Package
from bitrun.config.settings import Settings
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.job import File
from bitrun.model.sandbox import SandboxLimits
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support import kernels
from tests.support.fake_engine import FakeEngine

OWNER = "token alice"
SETTINGS = Settings()


@pytest.fixture
def sandboxes(fake_engine: FakeEngine) -> Iterator[Sandboxes]:
    made = Sandboxes(Pool(BoxMaker(fake_engine, SETTINGS), 0, dict), SETTINGS, lambda _: None)
    yield made
    made.close()


@pytest.fixture
def sandbox(sandboxes: Sandboxes) -> Sandbox:
    names = ("echo", "garbage", "flood", "forger", "missing")
    specs = tuple(map(kernels.kernel_spec, names))
    language = Language(name="jupyter", kernels=specs, **kernels.LANGUAGE)
    package = Package(
        name="jupyter", version="1", version_command="true", build="python", languages=(language,)
    )
    plan = SandboxPlan(
        Runtime(package, language, "1", "bitrun/python"), SandboxLimits(256 << 20, 64, 600), {}
    )
    made = sandboxes.create(OWNER, plan, None)
    made.write([File(name, text.encode()) for name, text in kernels.files().items()])
    return made
