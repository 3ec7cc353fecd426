"""Calls: jobs as JSON; answers of the service, and of Piston, as results."""

import json
import math
from typing import Any

import pytest

from bitrun.client import Outcome, Refused, batches
from bitrun.client.calls import job, read_result, read_verdict, session
from bitrun.model import result


def stage(**fields: Any) -> dict[str, Any]:
    return {
        "stdout": "",
        "stderr": "",
        "output": "",
        "code": 0,
        "signal": None,
        "status": None,
        "message": None,
        "wall_time": 3,
        "cpu_time": 2,
        "memory": 1,
    } | fields


def test_outcomes_are_the_service_s() -> None:
    assert [each.value for each in Outcome] == [each.value for each in result.Outcome]


@pytest.mark.parametrize("outcome", Outcome)
def test_the_word_of_the_service(outcome: Outcome) -> None:
    assert read_verdict(stage(verdict=str(outcome))).outcome is outcome


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, Outcome.OK),
        ({"code": 3, "status": "RE"}, Outcome.EXIT),
        ({"code": None, "signal": "SIGSEGV", "status": "SG"}, Outcome.SIGNAL),
        ({"code": None, "signal": "SIGKILL", "status": "SG", "oom_killed": True}, Outcome.MEMORY),
        ({"code": 1, "status": "RE", "oom_killed": True}, Outcome.MEMORY),
        ({"status": "TO", "message": "Time limit exceeded (wall clock)"}, Outcome.WALL_TIME),
        ({"status": "TO", "message": "Time limit exceeded"}, Outcome.CPU_TIME),
        ({"status": "TO", "oom_killed": True}, Outcome.CPU_TIME),
        ({"status": "OL"}, Outcome.STDOUT),
        ({"status": "EL"}, Outcome.STDERR),
        ({"code": None, "status": "XX"}, Outcome.EXIT),
    ],
)
@pytest.mark.parametrize("word", [{}, {"verdict": "of a later server"}])
def test_a_server_without_the_word(
    fields: dict[str, Any], word: dict[str, str], outcome: Outcome
) -> None:
    assert read_verdict(stage(**fields, **word)).outcome is outcome


def test_the_detail_of_a_verdict() -> None:
    assert read_verdict(stage(message="m", detail="m: 9 bytes")).detail == "m: 9 bytes"
    assert read_verdict(stage(message="m")).detail == "m"  # Piston's


def test_a_failed_compilation_is_the_only_stage() -> None:
    failed = stage(code=1, status="RE", verdict="exit")
    found = read_result(
        {"language": "c", "version": "12.0.0", "compile": failed, "run": dict(failed)}
    )
    assert [each.name for each in found.stages] == ["compile"]
    assert not found.ok


TIMES = {
    "timeout": "run_timeout",
    "cpu_time": "run_cpu_time",
    "compile_timeout": "compile_timeout",
    "compile_cpu_time": "compile_cpu_time",
}
NUMBERS = {
    "memory": "run_memory_limit",
    "output": "run_output_limit",
    "stack": "run_stack_limit",
    "processes": "run_process_limit",
    "compile_memory": "compile_memory_limit",
    "compile_output": "compile_output_limit",
    "compile_stack": "compile_stack_limit",
    "compile_processes": "compile_process_limit",
}


def test_the_fields_that_piston_does_not_know() -> None:
    added = {"unbuffered": True, "fresh": True, "compile_args": ["-O0", "-g"], "env": {"A": "b"}}
    plain = job("py", "x", unbuffered=False, fresh=False, compile_args=(), env={})
    assert plain.keys().isdisjoint(added)
    written = job(
        "py", "x", unbuffered=True, fresh=True, compile_args=("-O0", "-g"), env={"A": "b"}
    )
    assert written == plain | added


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timout", "There is no option timout; did you mean timeout?"),
        ("run_timeout", "There is no option run_timeout; did you mean timeout?"),
        ("checker", "There is no option checker"),
    ],
)
def test_unknown_options(name: str, sentence: str) -> None:
    options: Any = {name: 1}
    with pytest.raises(TypeError) as refused:
        job("py", "x", **options)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("name", ["args", "compile_args", "output_files"])
def test_one_text_is_no_list(name: str) -> None:
    options: Any = {name: "a b"}
    with pytest.raises(TypeError, match=rf"^{name} is a list of texts: \['a b'\], not 'a b'$"):
        job("py", "x", **options)


def test_unknown_options_of_a_batch() -> None:
    options: Any = {"stop_on_failure": True, "chekcer": None}
    with pytest.raises(TypeError, match=r"^There is no option chekcer; did you mean checker\?$"):
        batches.body("py", "x", [], options)


def test_the_longest_session() -> None:
    options: Any = {"timeout": -1, "stdin": "x"}
    assert session("py", "x", None, options) == job("py", "x", stdin="x") | {"run_timeout": -1}
    assert session("py", "x", None, {"timeout": 2})["run_timeout"] == 2000
    assert options["timeout"] == -1


def limited(value: float, *names: str) -> dict[str, Any]:
    options: Any = dict.fromkeys(names, value)
    return job("py", "x", **options)


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "seconds", [1e308, 1e7, 10**400, math.inf, -math.inf, math.nan, -1, -0.001]
)
def test_impossible_times(name: str, seconds: float) -> None:
    with pytest.raises(Refused) as refused:
        limited(seconds, name)
    assert str(refused.value) == f"{name} must be a number of seconds from 0 to 1000000"


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("size", [1e308, 10**400, 2**63, math.inf, math.nan, -2, -(10**400)])
def test_impossible_sizes(name: str, size: int) -> None:
    with pytest.raises(Refused) as refused:
        limited(size, name)
    unit = "processes" if name.endswith("processes") else "bytes"
    assert str(refused.value) == f"{name} must be a number of {unit} up to 9223372036854775807"


@pytest.mark.parametrize(
    ("seconds", "milliseconds"), [(0, 1), (0.0001, 1), (1.5, 1500), (1e6, 10**9)]
)
def test_times(seconds: float, milliseconds: int) -> None:
    written = limited(seconds, *TIMES)
    assert {written[name] for name in TIMES.values()} == {milliseconds}


@pytest.mark.parametrize("size", [-1, 0, 1, 2**63 - 1])
def test_sizes(size: int) -> None:
    written = limited(size, *NUMBERS)
    assert {json.loads(json.dumps(written))[name] for name in NUMBERS.values()} == {size}
