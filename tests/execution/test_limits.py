"""Effective limits: the catalogue's before the settings', the request's before both."""

import dataclasses

import pytest

from bitrun.config.catalogue import Language, LimitOverrides
from bitrun.config.settings import Settings
from bitrun.execution.limits import RequestedLimits, StageLimits, language_limits
from bitrun.model.job import BoxLimits, Limits

SETTINGS = Settings(
    compile_timeout=11,
    run_timeout=12,
    session_timeout=13,
    compile_cpu_time=14,
    run_cpu_time=15,
    compile_memory_limit=16_000_000,
    run_memory_limit=17_000_000,
    output_limit=18,
    max_processes=19,
    max_open_files=40,
    max_file_size=21,
)
OWN = LimitOverrides(
    compile_timeout=111,
    run_timeout=112,
    compile_cpu_time=114,
    run_cpu_time=115,
    compile_memory_limit=116_000_000,
    run_memory_limit=117_000_000,
    output_limit=118,
    max_processes=119,
    max_open_files=140,
    max_file_size=121,
)
STAGE = StageLimits(wall_ms=1, cpu_ms=2, memory=3, output=4)


def language(**fields: object) -> Language:
    return Language.model_validate({"name": "it", "run": "run %s"} | fields)


def test_configured_defaults() -> None:
    limits = language_limits(language(), SETTINGS)
    assert limits.stages["compile"] == StageLimits(
        wall_ms=11, cpu_ms=14, memory=16_000_000, output=18
    )
    assert limits.stages["run"] == StageLimits(wall_ms=12, cpu_ms=15, memory=17_000_000, output=18)
    assert limits.box == BoxLimits(memory=17_000_000, processes=19, open_files=40, file_size=21)
    assert limits.session_wall_ms == 13


def test_limits_of_the_catalogue() -> None:
    limits = language_limits(language(limits=OWN, compile="make %s"), SETTINGS)
    assert limits.stages["compile"] == StageLimits(
        wall_ms=111, cpu_ms=114, memory=116_000_000, output=118
    )
    assert limits.stages["run"] == StageLimits(
        wall_ms=112, cpu_ms=115, memory=117_000_000, output=118
    )
    assert limits.box == BoxLimits(memory=116_000_000, processes=119, open_files=140, file_size=121)


@pytest.mark.parametrize("name", LimitOverrides.model_fields)
def test_each_limit_of_the_catalogue_counts_alone(name: str) -> None:
    own = LimitOverrides.model_validate({name: getattr(OWN, name)})
    only = language_limits(language(limits=own, compile="make %s"), SETTINGS)
    default = language_limits(language(compile="make %s"), SETTINGS)
    assert only != default
    assert str(getattr(OWN, name)) in str(only)


def test_a_session_is_never_shorter_than_a_run() -> None:
    assert language_limits(language(limits=OWN), SETTINGS).session_wall_ms == 112


def test_a_box_begins_with_the_memory_of_its_first_stage() -> None:
    assert language_limits(language(compile="make %s"), SETTINGS).box.memory == 16_000_000
    assert language_limits(language(), SETTINGS).box.memory == 17_000_000


def test_a_box_of_a_language_with_exceptions() -> None:
    box = language_limits(language(i386=True, ptys=True, network=True), SETTINGS).box
    assert box == dataclasses.replace(
        language_limits(language(), SETTINGS).box, i386=True, ptys=True, network=True
    )


@pytest.mark.parametrize(
    ("requested", "merged"),
    [
        (RequestedLimits(), Limits(wall_ms=1, cpu_ms=2, output=4, memory=3)),
        (RequestedLimits(wall_ms=9), Limits(wall_ms=9, cpu_ms=2, output=4, memory=3)),
        (RequestedLimits(cpu_ms=9), Limits(wall_ms=1, cpu_ms=9, output=4, memory=3)),
        (RequestedLimits(memory=9), Limits(wall_ms=1, cpu_ms=2, output=4, memory=9)),
        (RequestedLimits(output=9), Limits(wall_ms=1, cpu_ms=2, output=9, memory=3)),
        (RequestedLimits(has_cpu_limit=False), Limits(1, None, 4, 3)),
        (RequestedLimits(cpu_ms=9, has_cpu_limit=False), Limits(1, None, 4, 3)),
    ],
)
def test_requested_limits(requested: RequestedLimits, merged: Limits) -> None:
    assert STAGE.merged(requested) == merged
