"""A short turn of the supervisor's fuzzer; `make fuzz` takes a longer one."""

import pytest

from bitrun.config.settings import load
from bitrun.engine.engine import Engine
from bitrun.images.unsealed import UnsealedImages
from tools.fuzz.fuzzer import fuzz

SECONDS = 15
EDGES = 300  # fewer, and the cases no longer get anywhere


@pytest.mark.engine
@pytest.mark.timeout(900)  # the first time, the compiler's image is made
@pytest.mark.attack(
    "program",
    "any bytes at all as frames, files, stages, stdin and signals, in any order (libFuzzer)",
    "the supervisor ends with a fault in words, or goes on; every verdict is true",
)
def test_the_supervisor_survives_whatever_it_is_told() -> None:
    settings = load()
    engine = Engine(settings.engine_timeout)
    lines: list[str] = []
    outcome = fuzz(
        UnsealedImages(engine, settings.images, settings.build_ca_bundle), SECONDS, lines.append
    )
    engine.close()
    assert (outcome.status, outcome.crashes) == (0, ()), "\n".join(lines[-60:])
    assert outcome.executions > 200
    assert outcome.edges > EDGES
