"""A short run of the supervisor's fuzzer; `make fuzz` runs longer."""

import pytest

from bitrun.config.settings import load
from bitrun.engine.engine import Engine
from bitrun.images.unsealed import UnsealedImages
from tools.fuzz.fuzzer import fuzz

SECONDS = 15
MIN_EDGES = 300  # with fewer, the inputs no longer reach the code


@pytest.mark.engine
@pytest.mark.timeout(900)  # the first time, the compiler's image is built
@pytest.mark.attack(
    "program",
    "any bytes as frames, files, stages, stdin and signals, in any order (libFuzzer)",
    "the supervisor reports an error or goes on; every verdict is true",
)
def test_the_supervisor_survives_any_input() -> None:
    settings = load()
    engine = Engine(settings.engine_timeout)
    lines: list[str] = []
    outcome = fuzz(
        UnsealedImages(engine, settings.images, settings.build_ca_bundle), SECONDS, lines.append
    )
    engine.close()
    assert (outcome.status, outcome.crashes) == (0, ()), "\n".join(lines[-60:])
    assert outcome.executions > 200
    assert outcome.edges > MIN_EDGES
