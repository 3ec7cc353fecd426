"""The compile cache in every API: who finds what, and what a reply says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.support.metrics import metric
from tests.support.piston import call, package, reply, request, write_catalogue
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN

Serve = Callable[..., Server]

# Its compiler makes something else each time, and warns.
COMPILER = package(
    "made",
    "bash",
    extensions=["made"],
    compile="cat /proc/sys/kernel/random/uuid %s >%o && echo warning >&2 && chmod 755 %o",
    run="cat %o",
)


@pytest.fixture
def started(serve: Serve, tmp_path: Path) -> Serve:
    catalogue = write_catalogue(tmp_path, COMPILER)
    return lambda **settings: serve(languages=catalogue, **settings)


def made(server: Server, headers: dict[str, str] | None = None, **fields: Any) -> str:
    """Return what the compiler has made."""
    body = request("made", "source", **fields)
    response = call(server, "POST", "/api/v2/execute", body, headers=headers or {})
    assert response.status_code == 200, response.text
    return str(response.json()["run"]["stdout"])


@pytest.mark.parametrize("settings", [{}, {"runs_per_box": 50, "pool_size": 4}])
def test_the_second_request_is_not_compiled(started: Serve, settings: dict[str, Any]) -> None:
    server = started(**settings)
    first, second, third = (reply(server, "made", "source") for _ in range(3))
    assert first["run"]["stdout"] == second["run"]["stdout"] == third["run"]["stdout"]
    assert "cached" not in first["compile"]
    assert second["compile"] == first["compile"] | {"cached": True}
    assert "cached" not in second["run"]
    assert metric(server, "bitrun_compile_cache_requests_total", result="hit") == 2
    assert metric(server, "bitrun_compile_cache_requests_total", result="miss") == 1
    assert metric(server, "bitrun_compile_cache_entries") == 1
    assert metric(server, "bitrun_compile_cache_bytes") == 4096


@pytest.mark.parametrize(
    "fields",
    [
        {"files": [{"content": "other"}]},
        {"files": [{"name": "b.made", "content": "source"}]},
        {"files": [{"content": "source"}, {"name": "data", "content": ""}]},
        {"env": {"A": "1"}},
        {"compile_timeout": 9000},
        {"compile_cpu_time": 9000},
        {"compile_memory_limit": 100_000_000},
        {"compile_output_limit": 1000},
        {"compile_process_limit": 60},
        {"fresh": True},
    ],
)
def test_another_request_is_compiled(started: Serve, fields: dict[str, Any]) -> None:
    server = started()
    first = made(server)
    assert made(server, **fields) != first
    assert made(server) == first


@pytest.mark.parametrize(
    "fields",
    [
        {"stdin": "x"},
        {"args": ["x"]},
        {"run_timeout": 1000},
        {"run_output_limit": 1000},
        {"unbuffered": True},
    ],
)
def test_a_request_that_runs_in_another_way_is_not(started: Serve, fields: dict[str, Any]) -> None:
    server = started()
    reply(server, "made", "source")
    assert reply(server, "made", "source", **fields)["compile"]["cached"] is True


def test_clients_with_tokens_do_not_share(started: Serve) -> None:
    server = started(api_tokens=RUN, admin_tokens=ADMIN)
    seen = [
        made(server, {"Authorization": f"Bearer {token}"}) for token in (RUN, ADMIN, RUN, ADMIN)
    ]
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_addresses_do_not_share(started: Serve) -> None:
    server = started(trusted_proxies="127.0.0.1/32")
    addresses = ("198.51.100.1", "198.51.100.2") * 2
    seen = [made(server, {"X-Forwarded-For": each}) for each in addresses]
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_clients_of_an_unknown_proxy_have_no_cache(started: Serve) -> None:
    server = started()
    assert len({made(server, {"X-Forwarded-For": "198.51.100.1"}) for _ in range(3)}) == 3


def test_it_can_be_switched_off(started: Serve) -> None:
    server = started(compile_cache=0)
    assert len({made(server) for _ in range(3)}) == 3
    assert metric(server, "bitrun_compile_cache_requests_total", result="miss") == 0


def test_a_large_one_replaces_others(started: Serve) -> None:
    server = started(compile_cache=3 * 4096)
    first = made(server)
    made(server, files=[{"content": "x" * 9000}])
    assert made(server) != first
    assert metric(server, "bitrun_compile_cache_evictions_total") == 2
    assert metric(server, "bitrun_compile_cache_limit_bytes") == 3 * 4096


def test_a_batch_is_compiled_once(started: Serve) -> None:
    server = started()
    body = request("made", "source", runs=[{"stdin": str(number)} for number in range(12)])
    response = call(server, "POST", "/api/v2/execute/batch", body).json()
    assert "cached" not in response["compile"]
    assert len({run["run"]["stdout"] for run in response["runs"]}) == 1
    assert metric(server, "bitrun_compile_cache_requests_total", result="miss") == 1
    again = call(server, "POST", "/api/v2/execute/batch", body).json()
    assert again["compile"]["cached"] is True
    assert again["runs"][0]["run"]["stdout"] == response["runs"][0]["run"]["stdout"]


def test_an_interactor_is_compiled_once(started: Serve) -> None:
    server = started()
    interactor = {"language": "made", "files": [{"content": "interactor"}]}
    runs = [{"stdin": "x"}] * 4
    body = request("made", "source", runs=runs, interactor=interactor)
    response = call(server, "POST", "/api/v2/execute/batch", body)
    assert [run["accepted"] for run in response.json()["runs"]] == [True] * 4
    assert metric(server, "bitrun_compile_cache_requests_total", result="miss") == 2


def test_v1_has_a_header(started: Serve) -> None:
    server = started()
    first, second = (server.run(filename="a.made", content="source") for _ in range(2))
    assert second.text == first.text != ""
    assert "X-Run-Compile" not in first.headers
    assert second.headers["X-Run-Compile"] == "cached"
    fresh = server.run(filename="a.made", content="source", clean="1")
    assert "X-Run-Compile" not in fresh.headers
    assert fresh.text != first.text


def session(server: Server) -> list[dict[str, Any]]:
    with connect(f"ws{server.url.removeprefix('http')}/api/v2/connect") as websocket:
        websocket.send(json.dumps({"type": "init"} | request("made", "source")))
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1].get("stage") != "run" or messages[-1]["type"] != "exit":
            messages.append(json.loads(websocket.recv(20)))
        return messages


def test_a_session_has_the_same_messages(started: Serve) -> None:
    server = started()
    first, second = session(server), session(server)
    for message in first:
        if message["type"] == "exit" and message["stage"] == "compile":
            message["cached"] = True
    ended = [message for message in second if message["type"] == "exit"]
    assert [message.get("cached") for message in ended] == [True, None]
    times = ("memory", "cpu_time", "wall_time")
    for message in (first[-1], second[-1]):
        for name in times:
            message.pop(name)
    assert second == first


@pytest.mark.engine
def test_a_program_in_c(server: Server) -> None:
    source = "#include <stdio.h>\nint main(void) { puts(\"hi\"); return getchar() != 'x'; }"
    first, second = (reply(server, "c", source, stdin=stdin) for stdin in "xy")
    assert (first["run"]["code"], second["run"]["code"]) == (0, 1)
    assert second["run"]["stdout"] == "hi\n"
    assert second["compile"]["cached"] is True
