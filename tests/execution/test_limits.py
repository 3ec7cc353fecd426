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
    max_output_limit=1018,
    stack_limit=100_000,
    max_processes=19,
    max_process_limit=1019,
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
    stack_limit=200_000,
    max_processes=119,
    max_open_files=140,
    max_file_size=121,
)
STAGE = StageLimits(wall_ms=1, cpu_ms=2, memory=30, output=4, stack=20, processes=6)


def language(**fields: object) -> Language:
    return Language.model_validate({"name": "it", "run": "run %s"} | fields)


def test_configured_defaults() -> None:
    limits = language_limits(language(), SETTINGS)
    assert limits.stages["compile"] == StageLimits(
        wall_ms=11, cpu_ms=14, memory=16_000_000, output=18, stack=100_000, processes=19
    )
    assert limits.stages["run"] == StageLimits(
        wall_ms=12, cpu_ms=15, memory=17_000_000, output=18, stack=100_000, processes=19
    )
    assert limits.maxima["run"] == dataclasses.replace(
        limits.stages["run"], output=1018, stack=17_000_000, processes=1019
    )
    assert limits.box == BoxLimits(memory=17_000_000, processes=19, open_files=40, file_size=21)
    assert limits.session_wall_ms == 13


def test_limits_of_the_catalogue() -> None:
    limits = language_limits(language(limits=OWN, compile="make %s"), SETTINGS)
    assert limits.stages["compile"] == StageLimits(
        wall_ms=111, cpu_ms=114, memory=116_000_000, output=118, stack=200_000, processes=119
    )
    assert limits.stages["run"] == StageLimits(
        wall_ms=112, cpu_ms=115, memory=117_000_000, output=118, stack=200_000, processes=119
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
    box = language_limits(language(i386=True, ptys=True), SETTINGS).box
    assert box == dataclasses.replace(
        language_limits(language(), SETTINGS).box, i386=True, ptys=True
    )


def test_a_language_with_a_network_reaches_what_the_operator_lists() -> None:
    settings = Settings(egress=("pypi.org:443", "10.0.0.0/8"))
    assert language_limits(language(network=True), settings).box.network == ("pypi.org:443",)
    assert language_limits(language(), settings).box.network == ()
    assert language_limits(language(network=True), SETTINGS).box.network == ()


def test_a_stack_as_large_as_the_memory() -> None:
    settings = Settings(run_memory_limit=17_000_000, compile_memory_limit=16_000_000)
    limits = language_limits(language(compile="make %s"), settings)
    assert (limits.stages["compile"].stack, limits.stages["run"].stack) == (16_000_000, 17_000_000)
    assert limits.stages["run"].merged(RequestedLimits(memory=10_000_000)).stack == 10_000_000


def test_a_maximum_is_never_below_the_default() -> None:
    settings = Settings(
        output_limit=9, max_output_limit=1, max_processes=9, max_process_limit=1,
        stack_limit=1 << 30,
    )  # fmt: skip
    limits = language_limits(language(), settings)
    assert limits.maxima == limits.stages


@pytest.mark.parametrize(
    ("requested", "changed"),
    [
        (RequestedLimits(), {}),
        (RequestedLimits(wall_ms=9), {"wall_ms": 9}),
        (RequestedLimits(cpu_ms=9), {"cpu_ms": 9}),
        (RequestedLimits(memory=25), {"memory": 25}),
        (RequestedLimits(memory=9), {"memory": 9, "stack": 9}),
        (RequestedLimits(memory=9, stack=10), {"memory": 9, "stack": 10}),
        (RequestedLimits(output=9), {"output": 9}),
        (RequestedLimits(stack=9), {"stack": 9}),
        (RequestedLimits(processes=9), {"processes": 9}),
        (RequestedLimits(has_cpu_limit=False), {"cpu_ms": None}),
        (RequestedLimits(cpu_ms=9, has_cpu_limit=False), {"cpu_ms": None}),
    ],
)
def test_requested_limits(requested: RequestedLimits, changed: dict[str, int | None]) -> None:
    assert STAGE.merged(requested) == Limits(**dataclasses.asdict(STAGE) | changed)
