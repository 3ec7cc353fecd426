"""Times that a worker waits for its requests."""

import pytest

from bitrun.config.settings import Settings
from bitrun.server.grace import reload_seconds, stop_seconds
from bitrun.service import configuration


def test_a_reload_waits_for_the_longest_session() -> None:
    found = configuration.read(Settings(session_timeout=120_000, queue_timeout=10))
    # The slowest compiler of the catalogue comes first, and nothing runs longer.
    slowest = max(
        language.limits.compile_timeout or 10_000 for _, language in found.catalogue.languages()
    )
    assert reload_seconds(found) == 120 + slowest / 1000 + 10 + 20


@pytest.mark.parametrize(("timeout", "expected"), [(10.0, 30), (0.5, 21), (300.0, 320)])
def test_a_stop_waits_for_v1(timeout: float, expected: int) -> None:
    found = configuration.read(Settings(v1_timeout=timeout))
    assert stop_seconds(found) == expected
    assert reload_seconds(found) >= expected


def test_a_reload_waits_for_the_longest_command_of_a_sandbox() -> None:
    found = configuration.read(Settings(sandbox_timeout=3_000_000))
    assert reload_seconds(found) == 3020
