"""The limits of a Piston request, field by field."""

import dataclasses
from typing import Any

import pytest

from bitrun.api.piston.limits import limits_reply, read_limits
from bitrun.config.settings import MIN_MEMORY, MIN_STACK
from bitrun.execution.limits import LanguageLimits, RequestedLimits, StageLimits
from bitrun.model.errors import RequestError
from bitrun.model.job import BoxLimits, StageName

MEMORY = 100_000_000
STAGES: dict[StageName, StageLimits] = {
    "compile": StageLimits(
        wall_ms=10_000, cpu_ms=9000, memory=MEMORY, output=1000, stack=MEMORY, processes=64
    ),
    "run": StageLimits(
        wall_ms=3000, cpu_ms=2000, memory=MEMORY, output=1000, stack=MEMORY, processes=64
    ),
}
EFFECTIVE = LanguageLimits(
    stages=STAGES,
    maxima={
        name: dataclasses.replace(stage, output=9000, processes=256)
        for name, stage in STAGES.items()
    },
    box=BoxLimits(memory=MEMORY, processes=1, open_files=1, file_size=1),
    session_wall_ms=120_000,
)
MAXIMA = {
    "compile_memory_limit": MEMORY,
    "run_memory_limit": MEMORY,
    "compile_timeout": 10_000,
    "run_timeout": 3000,
    "compile_cpu_time": 9000,
    "run_cpu_time": 2000,
    "compile_output_limit": 9000,
    "run_output_limit": 9000,
    "compile_stack_limit": MEMORY,
    "run_stack_limit": MEMORY,
    "compile_process_limit": 256,
    "run_process_limit": 256,
}


def refusal(**fields: Any) -> str:
    with pytest.raises(RequestError) as refused:
        read_limits(fields, EFFECTIVE)
    return str(refused.value)


@pytest.mark.parametrize("value", [None, 0, 0.0, "", False])
def test_what_means_the_configured_limit(value: Any) -> None:
    fields = dict.fromkeys(MAXIMA, value)
    nothing = RequestedLimits()
    assert read_limits(fields, EFFECTIVE) == {"compile": nothing, "run": nothing}
    assert read_limits({}, EFFECTIVE) == {"compile": nothing, "run": nothing}


def test_each_field() -> None:
    fields = {name: maximum - 1 for name, maximum in MAXIMA.items()}
    assert read_limits(fields, EFFECTIVE) == {
        "compile": RequestedLimits(9999, 8999, MEMORY - 1, 8999, MEMORY - 1, 255),
        "run": RequestedLimits(2999, 1999, MEMORY - 1, 8999, MEMORY - 1, 255),
    }


def test_the_maxima_themselves() -> None:
    assert read_limits(MAXIMA, EFFECTIVE)["run"] == RequestedLimits(
        3000, 2000, MEMORY, 9000, MEMORY, 256
    )


def test_fractions() -> None:
    assert read_limits({"run_timeout": 0.2, "run_cpu_time": 1.7}, EFFECTIVE)["run"] == (
        RequestedLimits(wall_ms=1, cpu_ms=2)
    )


@pytest.mark.parametrize(("name", "maximum"), MAXIMA.items())
def test_refusals(name: str, maximum: int) -> None:
    exceeds = f"{name} cannot exceed the configured limit of {maximum}"
    assert refusal(**{name: maximum + 1}) == exceeds
    assert refusal(**{name: 1e300}) == exceeds
    assert refusal(**{name: 10**400}) == exceeds
    assert refusal(**{name: -(10**400)}) == f"{name} must be non-negative"
    assert refusal(**{name: -2}) == f"{name} must be non-negative"
    wrong: tuple[object, ...] = ("1", True, [], {}, [1])
    for value in wrong:
        assert refusal(**{name: value}) == f"If specified, {name} must be a number"


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("run_timeout", 9999, "run_timeout is 9999: send 1 to 3000 milliseconds, or nothing for 3000"),
        ("run_timeout", -2, "run_timeout is -2: send 1 to 3000 milliseconds, or nothing for 3000"),
        ("run_output_limit", "a", 'run_output_limit is "a": send 1 to 9000 bytes, or nothing for 1000'),
        ("run_memory_limit", 5, f"run_memory_limit is 5: send {MIN_MEMORY} to {MEMORY} bytes, or nothing for {MEMORY}"),
        ("run_process_limit", 10**400, f"run_process_limit is {10**39}: send 1 to 256 processes and threads, or nothing for 64"),
    ],
)  # fmt: skip
def test_what_is_possible(name: str, value: object, detail: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_limits({name: value}, EFFECTIVE)
    assert refused.value.detail == detail


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("name", "attribute", "minimum"),
    [("memory_limit", "memory", MIN_MEMORY), ("stack_limit", "stack", MIN_STACK)],
)
def test_minima(stage: StageName, name: str, attribute: str, minimum: int) -> None:
    field = f"{stage}_{name}"
    too_small = f"{field} must be at least {minimum}"
    assert refusal(**{field: minimum - 1}) == too_small
    assert refusal(**{field: minimum - 0.4}) == too_small
    assert getattr(read_limits({field: minimum}, EFFECTIVE)[stage], attribute) == minimum


def test_minus_one_is_the_maximum_but_of_times() -> None:
    fields = {name: -1 for name in MAXIMA if not name.endswith(("timeout", "cpu_time"))}
    maxima = RequestedLimits(memory=MEMORY, output=9000, stack=MEMORY, processes=256)
    assert read_limits(fields, EFFECTIVE) == {"compile": maxima, "run": maxima}
    assert refusal(run_timeout=-1) == "run_timeout must be non-negative"
    assert refusal(run_cpu_time=-1) == "run_cpu_time must be non-negative"


def test_the_limits_are_told() -> None:
    replied = limits_reply(EFFECTIVE, ("compile", "run"))
    assert {name: limit["maximum"] for name, limit in replied.items()} == MAXIMA
    assert replied["run_output_limit"] == {"default": 1000, "maximum": 9000}
    assert limits_reply(EFFECTIVE, ("run",)).keys() == {
        name for name in MAXIMA if name.startswith("run")
    }


def test_order_of_refusals() -> None:
    fields = dict.fromkeys(MAXIMA, "x")
    for name in MAXIMA:
        assert refusal(**fields) == f"If specified, {name} must be a number"
        del fields[name]


def test_a_session_may_be_longer_than_a_run() -> None:
    fields = {"run_timeout": 120_000}
    assert read_limits(fields, EFFECTIVE, interactive=True)["run"].wall_ms == 120_000
    fields = {"run_timeout": -1}
    assert read_limits(fields, EFFECTIVE, interactive=True)["run"].wall_ms == 120_000
    with pytest.raises(RequestError, match="compile_timeout must be non-negative"):
        read_limits({"compile_timeout": -1}, EFFECTIVE, interactive=True)
    with pytest.raises(RequestError, match="configured limit of 120000"):
        read_limits({"run_timeout": 120_001}, EFFECTIVE, interactive=True)
    with pytest.raises(RequestError, match="configured limit of 10000"):
        read_limits({"compile_timeout": 10_001}, EFFECTIVE, interactive=True)
    # Only for those who ask.
    assert read_limits({}, EFFECTIVE, interactive=True)["run"].wall_ms is None
