"""Answers of the service, and of Piston, as results."""

from typing import Any

import pytest

from bitrun.client import Outcome
from bitrun.client.calls import read_result, read_verdict
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


def test_a_failed_compilation_is_the_only_stage() -> None:
    failed = stage(code=1, status="RE", verdict="exit")
    found = read_result(
        {"language": "c", "version": "12.0.0", "compile": failed, "run": dict(failed)}
    )
    assert [each.name for each in found.stages] == ["compile"]
    assert not found.ok
