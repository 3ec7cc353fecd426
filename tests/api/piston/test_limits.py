"""The limits of a Piston request, field by field."""

from typing import Any

import pytest

from bitrun.api.piston.limits import read_limits
from bitrun.config.settings import MIN_MEMORY
from bitrun.execution.limits import LanguageLimits, RequestedLimits, StageLimits
from bitrun.model.errors import RequestError
from bitrun.model.job import BoxLimits, StageName

MEMORY = 100_000_000
STAGE = StageLimits(wall_ms=3000, cpu_ms=2000, memory=MEMORY, output=1)
EFFECTIVE = LanguageLimits(
    stages={"compile": StageLimits(wall_ms=10_000, cpu_ms=9000, memory=MEMORY, output=1), "run": STAGE},
    box=BoxLimits(memory=MEMORY, processes=1, open_files=1, file_size=1),
    session_wall_ms=120_000,
)  # fmt: skip
MAXIMA = {
    "compile_memory_limit": MEMORY,
    "run_memory_limit": MEMORY,
    "compile_timeout": 10_000,
    "run_timeout": 3000,
    "compile_cpu_time": 9000,
    "run_cpu_time": 2000,
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
        "compile": RequestedLimits(wall_ms=9999, cpu_ms=8999, memory=MEMORY - 1),
        "run": RequestedLimits(wall_ms=2999, cpu_ms=1999, memory=MEMORY - 1),
    }


def test_the_maxima_themselves() -> None:
    assert read_limits(MAXIMA, EFFECTIVE)["run"] == RequestedLimits(
        wall_ms=3000, cpu_ms=2000, memory=MEMORY
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


@pytest.mark.parametrize("name", ["compile_memory_limit", "run_memory_limit"])
def test_memory(name: str) -> None:
    too_small = f"{name} must be at least {MIN_MEMORY}"
    assert refusal(**{name: MIN_MEMORY - 1}) == too_small
    assert refusal(**{name: MIN_MEMORY - 0.4}) == too_small
    stage: StageName = "compile" if name.startswith("compile") else "run"
    assert read_limits({name: MIN_MEMORY}, EFFECTIVE)[stage].memory == MIN_MEMORY
    assert read_limits({name: -1}, EFFECTIVE)[stage].memory == MEMORY


def test_minus_one_is_for_memory_only() -> None:
    assert refusal(run_timeout=-1) == "run_timeout must be non-negative"


def test_order_of_refusals() -> None:
    fields = dict.fromkeys(MAXIMA, "x")
    for name in MAXIMA:
        assert refusal(**fields) == f"If specified, {name} must be a number"
        del fields[name]


def test_a_session_may_be_longer_than_a_run() -> None:
    fields = {"run_timeout": 120_000}
    assert read_limits(fields, EFFECTIVE, interactive=True)["run"].wall_ms == 120_000
    with pytest.raises(RequestError, match="configured limit of 120000"):
        read_limits({"run_timeout": 120_001}, EFFECTIVE, interactive=True)
    with pytest.raises(RequestError, match="configured limit of 10000"):
        read_limits({"compile_timeout": 10_001}, EFFECTIVE, interactive=True)
    # Only for those who ask.
    assert read_limits({}, EFFECTIVE, interactive=True)["run"].wall_ms is None
