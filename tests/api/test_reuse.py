"""Reused boxes: whose they are, and after which runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.metrics import metric
from tests.support.piston import call, execute, package, request, write_catalogue
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN
from tests.support.waiting import wait_until

SHOW = "echo $(id -u)"  # each box has a uid of its own
# All places for one package: no other needs one that a used box has.
POOL = {"pool_size": 8, "pool_pinned": "bash=8"}
MANY = {"runs_per_box": 100} | POOL


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve(**MANY)


def uid(
    server: Server, script: str = SHOW, headers: dict[str, str] | None = None, **fields: Any
) -> str:
    """Run a script that prints the uid of its box; return it."""
    body = request("bash", script, **fields)
    response = call(server, "POST", "/api/v2/execute", body, headers=headers or {})
    assert response.status_code == 200, response.text
    return str(response.json()["run"]["stdout"])


def test_by_default_each_run_has_a_box_of_its_own(serve: Callable[..., Server]) -> None:
    server = serve(pool_size=4)
    assert len({uid(server) for _ in range(6)}) == 6


@pytest.mark.also_engine
def test_a_client_gets_its_boxes_again(server: Server) -> None:
    uids = [uid(server) for _ in range(10)]
    assert len(set(uids)) < 5
    reused = metric(server, "bitrun_pool_requests_total", origin="reused")
    assert reused == 10 - len(set(uids))
    assert metric(server, "bitrun_resets_failed_total", reason="files") == 0


def test_a_box_serves_so_many_runs(serve: Callable[..., Server]) -> None:
    server = serve(runs_per_box=3, **POOL)
    uids = [uid(server) for _ in range(12)]
    assert max(uids.count(each) for each in uids) == 3


@pytest.mark.also_engine
def test_files_of_a_run_are_not_there_in_the_next(server: Server) -> None:
    leave = f"{SHOW}; echo secret | tee left /tmp/left /dev/shm/left >/dev/null"
    find = f"{SHOW}; cat left /tmp/left /dev/shm/left 2>/dev/null; true"
    assert {uid(server, leave) for _ in range(5)} & {uid(server, find) for _ in range(5)}


def test_clients_with_tokens_do_not_share(serve: Callable[..., Server]) -> None:
    server = serve(**MANY, api_tokens=RUN, admin_tokens=ADMIN)
    seen = {
        token: {uid(server, headers={"Authorization": f"Bearer {token}"}) for _ in range(5)}
        for token in (RUN, ADMIN)
    }
    assert not seen[RUN] & seen[ADMIN]
    assert len(seen[RUN]) < 5


def test_addresses_do_not_share(serve: Callable[..., Server]) -> None:
    server = serve(**MANY, trusted_proxies="127.0.0.1/32")
    addresses = ("198.51.100.1", "2001:db8::1", "2001:db8::2")
    seen = [
        {uid(server, headers={"X-Forwarded-For": each}) for _ in range(5)} for each in addresses
    ]
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2], "of one network"
    assert all(len(each) < 5 for each in seen)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Via", "Forwarded"])
def test_clients_of_an_unknown_proxy_share_nothing(server: Server, header: str) -> None:
    """They all have its address."""
    assert len({uid(server, headers={header: "198.51.100.1"}) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("script", "fields"),
    [
        (f"{SHOW}; while :; do :; done", {"run_timeout": 200}),
        (f"{SHOW}; while :; do :; done", {"run_cpu_time": 100}),
        (f"{SHOW}; head -c 100000 /dev/zero >&2", {}),
        (SHOW, {"run_memory_limit": 64 << 20}),
        (SHOW, {"run_process_limit": 20}),
        (SHOW, {"fresh": True}),
    ],
    ids=["wall time", "CPU time", "output", "memory limit", "process limit", "fresh"],
)
def test_after_such_a_run_a_box_is_not_used_again(
    server: Server, script: str, fields: dict[str, Any]
) -> None:
    ended = {uid(server, script, **fields) for _ in range(3)}
    assert len(ended) == 3
    assert not ended & {uid(server) for _ in range(6)}


@pytest.mark.parametrize("script", [f"{SHOW}; exit 3", f"{SHOW}; kill -9 $$"])
def test_a_failure_of_the_program_is_no_obstacle(server: Server, script: str) -> None:
    assert len({uid(server, script) for _ in range(5)}) < 5


def test_a_fresh_box_is_asked_for_in_v1(server: Server) -> None:
    def run(**fields: str) -> str:
        return server.run(filename="a.sh", content=SHOW, **fields).text

    used = {run() for _ in range(5)}
    assert len(used) < 5
    assert len({run(clean="1") for _ in range(3)} - used) == 3


def test_fresh_is_true_or_false(server: Server) -> None:
    response = execute(server, request("bash", SHOW, fresh="yes"))
    assert response.status_code == 400
    assert "fresh must be true or false" in response.json()["message"]


def test_a_language_can_forbid_it(serve: Callable[..., Server], tmp_path: Path) -> None:
    languages = write_catalogue(tmp_path, package("bash", "bash", reuse=False))
    server = serve(**MANY, languages=languages)
    assert len({uid(server) for _ in range(5)}) == 5


@pytest.mark.also_engine
def test_a_reset_that_fails_is_counted_and_ends_the_box(server: Server) -> None:
    """A packet has moved counters of the box's network."""
    script = f"{SHOW}; echo x >/dev/udp/127.0.0.1/9"
    assert len({uid(server, script) for _ in range(3)}) == 3
    assert wait_until(
        lambda: metric(server, "bitrun_resets_failed_total", reason="namespaces") == 3, 15
    )


def test_used_boxes_go_when_the_service_ends(
    server: Server, containers: Callable[[], set[str]]
) -> None:
    uid(server)
    server.process.terminate()
    assert wait_until(lambda: not containers(), 10)


def test_the_memory_of_a_run_is_not_that_of_the_one_before(server: Server) -> None:
    def reply(script: str) -> dict[str, Any]:
        run: dict[str, Any] = execute(server, request("bash", script)).json()["run"]
        return run

    large = [reply(f"{SHOW}; x=$(head -c 30000000 /dev/zero | tr '\\0' x)") for _ in range(2)]
    small = [reply(SHOW) for _ in range(4)]
    assert {each["stdout"] for each in large} & {each["stdout"] for each in small}
    assert (
        min(each["memory"] for each in large) > 30_000_000 > max(each["memory"] for each in small)
    )
