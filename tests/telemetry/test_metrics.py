"""The metrics of `/metrics`, and that the documentation and the dashboard have the same ones."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from tests.conftest import Serve
from tests.support.paths import ROOT
from tests.support.piston import request
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.services import Services
from tests.support.waiting import wait_until

OPERATING = ROOT / "docs" / "operating.md"
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"


def scrape(server: Server) -> dict[str, Metric]:
    response = server.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return {family.name: family for family in text_string_to_metric_families(response.text)}


def value(server: Server, name: str, **labels: str) -> float:
    """The sum of the samples of one name that carry these labels."""
    return sum(
        sample.value
        for family in scrape(server).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture(autouse=True)
def nothing_left_behind() -> None:
    """Look for nothing: the pool of the module's service makes boxes whenever it likes."""


@pytest.fixture(scope="module")
def moved() -> Iterator[dict[Services, Server]]:
    servers: dict[Services, Server] = {}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture
def counted(services: Services, moved: dict[Services, Server]) -> Server:
    """A service with a pool, of which every metric has been moved."""
    if services not in moved:
        moved[services] = services.start(pool_size=2, packages="bash", sessions=1)
        _move_all(moved[services])
    return moved[services]


def _move_all(server: Server) -> None:
    assert server.run(filename="a.sh", content="echo $((6*7))").text == "42\n"
    assert server.run(filename="a.sh", content="exit 3", clean="1").status_code == 200
    assert server.run(filename="a.sh", content="kill -SEGV $$").status_code == 200
    assert server.run(filename="a.sh", content="yes", memory_limit="7000000").status_code == 200
    assert server.run(filename="a.xyz", content="x").status_code == 400
    with connect(f"ws{server.url.removeprefix('http')}/api/v2/connect") as websocket:
        websocket.send(json.dumps({"type": "init"} | request("bash", "read")))
        assert '"runtime"' in str(websocket.recv(20))
        assert value(server, "bitrun_sessions_open") == 1
        with connect(f"ws{server.url.removeprefix('http')}/api/v2/connect") as second:
            assert wait_until(lambda: value(server, "bitrun_sessions_rejected_total") == 1, 5)
            del second
    assert wait_until(lambda: value(server, "bitrun_runs_total", verdict="disconnected") == 1, 10)
    # What they left behind, the engine removes in its own time; a removal is timed when it has ended.
    assert wait_until(lambda: value(server, "bitrun_boxes_removed_total") >= 5, 20)
    assert wait_until(lambda: value(server, "bitrun_phase_seconds_count", phase="discard") >= 5, 20)


@pytest.mark.also_engine
def test_runs_are_counted_by_language_and_verdict(counted: Server) -> None:
    runs = {
        (sample.labels["language"], sample.labels["verdict"]): sample.value
        for sample in scrape(counted)["bitrun_runs"].samples
    }
    assert runs == {
        ("bash", "ok"): 1, ("bash", "exit"): 1, ("bash", "signal"): 1, ("bash", "stdout"): 1,
        ("bash", "disconnected"): 1,
    }  # fmt: skip
    versions = {sample.labels["version"] for sample in scrape(counted)["bitrun_runs"].samples}
    assert re.fullmatch(r"5\.\d+\.\d+", versions.pop())
    assert not versions


@pytest.mark.also_engine
def test_phases_are_timed(counted: Server) -> None:
    for phase, runs in {"queue": 4, "box": 5, "run": 5}.items():
        assert value(counted, "bitrun_phase_seconds_count", phase=phase) == runs
    assert 0 < value(counted, "bitrun_phase_seconds_sum", phase="run") < 30
    assert value(counted, "bitrun_phase_seconds_count", phase="discard") >= 5


@pytest.mark.also_engine
def test_boxes_are_counted(counted: Server) -> None:
    given = {
        sample.labels["origin"]: sample.value
        for sample in scrape(counted)["bitrun_pool_requests"].samples
    }
    assert given.keys() == {"hit", "reused", "miss", "fresh"}
    assert given["fresh"] == 1
    assert sum(given.values()) == 5
    assert wait_until(lambda: value(counted, "bitrun_pool_idle", package="bash") >= 1, 20)
    assert value(counted, "bitrun_pool_places") == 2

    def at_rest() -> bool:
        made = value(counted, "bitrun_boxes_created_total")
        removed = value(counted, "bitrun_boxes_removed_total")
        existing = value(counted, "bitrun_boxes")
        waiting = value(counted, "bitrun_pool_boxes", state="idle")
        return made - removed == existing == waiting == 2

    assert wait_until(at_rest, 20)


def cluster(redis_server: Redis) -> dict[str, str]:
    """Return the settings of a node, which has more metrics."""
    return {"redis": redis_server.url, "registry": "registry.test/bitrun"}


def described(server: Server) -> set[tuple[str, str, frozenset[str]]]:
    """Return the name, the type and the labels of each metric."""
    return {
        (
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            frozenset(
                label for sample in family.samples for label in sample.labels if label != "le"
            ),
        )
        for family in scrape(server).values()
    }


def test_every_metric_is_documented(counted: Server, serve: Serve, redis_server: Redis) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (gauge|counter|histogram) \| ((?:`\w+` ?)*)\|",
        OPERATING.read_text(), re.MULTILINE,
    )  # fmt: skip
    documented = {
        (name, kind, frozenset(re.findall(r"\w+", labels))) for name, kind, labels in rows
    }
    node = serve(**cluster(redis_server))
    # Where nothing has run yet, some have no labels.
    exported = described(counted)
    exported |= {each for each in described(node) if each[0] not in {name for name, *_ in exported}}
    # No call to the engine has failed, and no dialect leaves work: they have no labels yet.
    for name, kind, labels in (
        ("bitrun_engine_errors_total", "counter", ("call", "kind")),
        ("bitrun_work_waiting", "gauge", ("queue",)),
        ("bitrun_work_taken", "gauge", ("queue",)),
    ):
        assert (name, kind, frozenset()) in exported
        exported = exported - {(name, kind, frozenset())} | {(name, kind, frozenset(labels))}
    assert documented == exported
    for metric in scrape(counted).values():
        assert metric.documentation


def test_the_dashboard_asks_for_what_there_is(
    counted: Server, serve: Serve, redis_server: Redis
) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [
        target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if "haproxy_" not in target["expr"]  # in tests/deploy/test_swarm.py
    ]
    samples: dict[str, set[str]] = {}
    for server in (counted, serve(**cluster(redis_server))):
        for family in scrape(server).values():
            for sample in family.samples:
                samples.setdefault(sample.name, set()).update(sample.labels)
    samples["bitrun_engine_errors_total"] = {"call", "kind"}
    asked = set()
    for query in queries:
        names = re.findall(r"\b(?:bitrun|process)_\w+", query)
        assert names, query
        assert set(names) <= samples.keys(), query
        labels = set(re.findall(r"(\w+)=", query))
        labels |= {label for by in re.findall(r"by \(([^)]*)\)", query) for label in by.split(", ")}
        for name in names:
            assert labels - {"job", "instance"} <= samples[name], query
        asked |= {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    unasked = {name for name in samples if name.startswith("bitrun_")} - asked
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in unasked} <= asked


def test_no_request_makes_a_series(counted: Server) -> None:
    def series() -> set[str]:
        found = scrape(counted)["bitrun_http_requests"]
        return {"{method} {route} {status}".format_map(sample.labels) for sample in found.samples}

    for number in range(3):
        requests.request(f"MADE{number}", f"{counted.url}/api/v1/run", timeout=10)
        counted.get(f"/nowhere/{number}")
    found = series()
    assert "other /api/v1/run 405" in found or "other none 405" in found
    assert "GET none 404" in found
    assert not any("MADE" in each or "nowhere" in each for each in found)


def test_places_and_who_waits_for_one(serve: Callable[..., Server]) -> None:
    server = serve(max_runs=1, max_queue=1, queue_timeout=1)
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(server.run, filename="a.sh", content="sleep 2")]
        assert wait_until(lambda: value(server, "bitrun_places_taken") == 1, 5)
        runs.append(pool.submit(server.run, filename="a.sh", content="true"))
        assert wait_until(lambda: value(server, "bitrun_queue_length") == 1, 5)
        runs.append(pool.submit(server.run, filename="a.sh", content="true"))
        assert [run.result().status_code for run in runs] == [200, 503, 503]
    assert value(server, "bitrun_places") == 1
    assert value(server, "bitrun_places_taken") == value(server, "bitrun_queue_length") == 0
    rejected = scrape(server)["bitrun_rejected"].samples
    assert {each.labels["reason"]: each.value for each in rejected} == {
        "queue_full": 1, "timeout": 1, "disconnected": 0,
    }  # fmt: skip


def test_an_engine_that_is_away(serve_without_engine: Callable[..., Server]) -> None:
    server = serve_without_engine()
    assert server.run(filename="a.sh", content="true").status_code == 503
    began = time.monotonic()
    assert value(server, "bitrun_engine_up") == 0
    assert time.monotonic() - began < 1
    assert value(server, "bitrun_engine_errors_total", kind="unavailable", call="list_images") >= 1
    assert "bitrun_packages_installed" not in scrape(server)


# Who may read them


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_passes_nothing_on(server: Server, name: str) -> None:
    assert server.get("/metrics").status_code == 200
    refused = server.get("/metrics", headers={name: "127.0.0.1"})
    assert refused.status_code == 403
    assert "BITRUN_METRICS=open" in refused.json()["message"]


def test_another_machine_reads_nothing(serve: Callable[..., Server]) -> None:
    server = serve(host="0.0.0.0", let_anyone_run_code=1)
    own = own_address()
    if own is None:
        pytest.fail("this machine has no address but loopback")
    assert requests.get(f"http://{own}:{server.port}/metrics", timeout=10).status_code == 403
    assert server.get("/metrics").status_code == 200


def own_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def test_tokens_open_them(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens="scrape-me-if-you-can")
    for headers in ({}, {"Authorization": "Bearer other"}):
        assert server.get("/metrics", headers=headers).status_code == 401
    given: dict[str, Any] = {"headers": {"Authorization": "Bearer scrape-me-if-you-can"}}
    assert server.get("/metrics", **given).status_code == 200
    for path in ("/healthz", "/readyz"):
        assert server.get(path).status_code == 200


def test_open_to_all(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens="a-secret-of-20-letters", metrics="open")
    assert server.get("/metrics", headers={"Via": "proxy"}).status_code == 200
