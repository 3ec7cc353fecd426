"""Limits for each client, over HTTP: who gets 429, and in which words."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from bitrun.config import settings
from tests.support.piston import call, execute, message, request
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.tokens import ADMIN, RUN, make

V1 = {"filename": "a.sh"}  # refused, but not before it is counted
LATER = pytest.mark.attack(
    "request", "more requests than a client's rate allows", "429 with Retry-After"
)


def get_after(response: requests.Response) -> int:
    """Check that a client has had its share, and return after how long it gets more."""
    if response.url.endswith("/run"):
        assert (response.status_code, response.json()) == (429, {"error": "Too many requests"})
    else:
        assert (response.status_code, message(response)) == (429, "Too many requests")
    return int(response.headers["Retry-After"])


@pytest.mark.also_engine
@LATER
def test_a_rate(serve: Callable[..., Server]) -> None:
    server = serve(rate_limit="3/hour")
    assert server.run(**V1).status_code == 400
    assert execute(server, {}).status_code == 400
    with Terminal(server) as terminal:
        terminal.rest()
    assert 0 < get_after(server.run(**V1)) <= 3600
    assert 0 < get_after(execute(server, {})) <= 3600
    assert 0 < get_after(call(server, "POST", "/api/v2/packages", {})) <= 3600
    with pytest.raises(InvalidStatus) as refused, Terminal(server):
        pass
    assert refused.value.response.status_code == 429
    assert server.get("/api/v2/runtimes").status_code == 200


@pytest.mark.also_engine
@LATER
def test_who_is_counted_apart(serve: Callable[..., Server], tmp_path: Path) -> None:
    bob, line = make("bob")
    (tmp_path / "tokens").write_text(line)
    server = serve(
        rate_limit="1/hour",
        api_tokens=RUN,
        admin_tokens=ADMIN,
        api_tokens_file=tmp_path / "tokens",
        unlimited_clients="bob",
    )
    for token, statuses in ((RUN, {429}), (ADMIN, {429}), (bob, {400})):
        headers = {"Authorization": f"Bearer {token}"}
        assert call(server, "POST", "/api/v2/execute", {}, headers=headers).status_code == 400
        assert server.run(**V1, api_token=token).status_code in statuses
    # Requests without a token count for no client.
    assert call(server, "POST", "/api/v2/execute", {}).status_code == 401


def test_clients_of_a_proxy(serve: Callable[..., Server]) -> None:
    def ask(server: Server, address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return call(server, "POST", "/api/v2/execute", {}, headers=headers).status_code

    limits: dict[str, Any] = {"rate_limit": "1/hour", "unlimited_clients": "192.0.2.0/24"}
    believing = serve(**limits, trusted_proxies="127.0.0.1/32")
    addresses = ["198.51.100.1", "198.51.100.2", "198.51.100.1", "192.0.2.1", "192.0.2.1"]
    assert [ask(believing, each) for each in addresses] == [400, 400, 429, 400, 400]
    wary = serve(**limits)
    assert [ask(wary, each) for each in addresses] == [400, 429, 429, 429, 429]


@pytest.mark.also_engine
@pytest.mark.attack("request", "more at once than one client may have", "429 with Retry-After")
def test_so_much_at_once(serve: Callable[..., Server]) -> None:
    server = serve(max_runs_per_client=2, run_timeout=5000)
    with ThreadPoolExecutor(1) as pool, Terminal(server) as terminal:
        terminal.init("bash", "echo ready; read line")
        terminal.printed("ready\n")
        running = pool.submit(execute, server, request("bash", "sleep 2; echo done"))
        time.sleep(1)
        started = time.monotonic()
        assert get_after(execute(server, {})) == 1
        assert get_after(server.run(**V1)) == 1
        with pytest.raises(InvalidStatus), Terminal(server):
            pass
        assert time.monotonic() - started < 1
        assert running.result().json()["run"]["stdout"] == "done\n"
        assert execute(server, {}).status_code == 400
        terminal.websocket.close()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            time.sleep(0.3)
            stack.enter_context(Terminal(server))
        assert get_after(execute(server, {})) == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RATE_LIMIT", "often", "BITRUN_RATE_LIMIT: a rate is expected, such as 60/minute"),
        ("REDIS", "file:///x", "BITRUN_REDIS: redis://HOST:6379 is expected"),
        ("NODE_URL", "http://10.0.0.1:5000", "BITRUN_NODE_URL: .*set BITRUN_REDIS, too"),
        ("NODE_URL", "https://node/path", "BITRUN_NODE_URL: http://HOST:PORT or auto is expected"),
        ("REGISTRY", "registry:5000", "BITRUN_REGISTRY: HOST:PORT/NAME is expected"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.1/8",
            "BITRUN_TRUSTED_PROXIES: entry 1: an address or a network",
        ),
        ("MAX_RUNS_PER_CLIENT", "0", "BITRUN_MAX_RUNS_PER_CLIENT: at least 1 is expected"),
    ],
)
def test_settings_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    monkeypatch.setenv(f"BITRUN_{name}", value)
    with pytest.raises(settings.SettingsError, match=text):
        settings.load()
