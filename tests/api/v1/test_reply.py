"""Results as v1 writes them."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask, Response

from bitrun.api.v1.reply import HEADERS, header_text, run_reply
from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, Result, StageResult, Verdict


@pytest.fixture(autouse=True)
def application() -> Iterator[None]:
    with Flask(__name__).app_context():
        yield


def stage(
    outcome: Outcome = Outcome.OK,
    code: int | None = 0,
    signal: str | None = None,
    memory: int = 1,
    *,
    oom_killed: bool = False,
    limit: int | None = None,
) -> StageResult:
    verdict = Verdict(
        outcome,
        code,
        signal,
        oom_killed=oom_killed,
        wall_ms=1.5,
        cpu_ms=1,
        memory=memory,
        limit=limit,
    )
    return StageResult(
        "run", verdict, Output([(Stream.STDOUT, b"out\xff"), (Stream.STDERR, b"err")])
    )


def reply(
    *stages: StageResult, command: str = "ruby a.rb", media_type: str = "text/plain"
) -> Response:
    return run_reply(
        Result(stages),
        command=command,
        media_type=media_type,
        timeout_ms=10_000,
        duration_ns=2_000_000,
    )


def test_a_program_that_ends_well() -> None:
    response = reply(stage())
    assert (response.status_code, response.data) == (200, b"out\xfferr")
    headers = {name: value for name, value in response.headers.items() if name.startswith("X-")}
    assert headers == {
        "X-Run-Command": "ruby a.rb",
        "X-Run-Duration": "2ms",
        "X-Run-Exitcode": "0",
        "X-Run-Verdict": "ok",
        "X-Run-Wall-Time": "1.5ms",
        "X-Run-Cpu-Time": "1ms",
        "X-Run-Memory": "1",
        "X-Content-Type-Options": "nosniff",
    }
    assert response.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("media_type", "content_type"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("text/csv; charset=latin1", "text/csv; charset=latin1"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/json", "application/json"),
    ],
)
def test_text_has_a_charset(media_type: str, content_type: str) -> None:
    assert reply(stage(), media_type=media_type).headers["Content-Type"] == content_type


def test_stages_add_up() -> None:
    compiled = dataclasses.replace(stage(memory=9), cached=True)
    response = reply(compiled, stage(Outcome.SIGNAL, None, "SIGSEGV", memory=7))
    assert response.data == b"out\xfferr" * 2
    assert response.headers["X-Run-Compile"] == "cached"
    assert response.headers["X-Run-Exitcode"] == "139"
    assert response.headers["X-Run-Signal"] == "SIGSEGV"
    assert response.headers["X-Run-Verdict"] == "signal"
    assert response.headers["X-Run-Status"] == "SG"
    assert response.headers["X-Run-Message"] == "Caught fatal signal 11 (SIGSEGV)"
    assert response.headers["X-Run-Wall-Time"] == "3ms"
    assert response.headers["X-Run-Cpu-Time"] == "2ms"
    assert response.headers["X-Run-Memory"] == "9"
    assert {name for name in dict(response.headers) if name.startswith("X-Run-")} == set(HEADERS)


def test_a_run_that_took_too_long() -> None:
    response = reply(stage(), stage(Outcome.WALL_TIME, None, "SIGKILL"))
    assert response.status_code == 400
    assert response.json == {
        "error": "Operation timed out after 10s",
        "output": "out\N{REPLACEMENT CHARACTER}err" * 2,
    }
    assert response.headers["X-Run-Verdict"] == "wall_time"
    assert "X-Run-Command" not in response.headers


def test_a_child_that_ran_out_of_memory_is_not_the_program() -> None:
    response = reply(stage(oom_killed=True))
    assert response.headers["X-Run-Verdict"] == "ok"
    assert "X-Run-Message" not in response.headers
    response = reply(stage(Outcome.MEMORY, 5, oom_killed=True, limit=9))
    assert response.headers["X-Run-Verdict"] == "memory"
    assert response.headers["X-Run-Message"] == "Memory limit exceeded: 9 bytes"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a\r\nX: 1\x00\x7f", "a  X: 1  "),
        ("ä", "Ã¤"),
        ("\udcff", "ÿ"),
        ("x" * 5000, "x" * 4096),
    ],
)
def test_header_text(text: str, header: str) -> None:
    assert header_text(text) == header
