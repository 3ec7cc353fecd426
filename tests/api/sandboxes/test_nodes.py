"""Sandboxes of a cluster: every node passes on what is for another one."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from websockets.exceptions import InvalidStatus

from tests.conftest import Serve
from tests.support.metrics import metric
from tests.support.redis import Redis
from tests.support.sandboxes import PREFIX, HttpSandbox, create, sandbox
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

ALICE, BOB = "alice-has-a-long-token", "bob-has-a-long-token-too"
LIFE_SECONDS = 15
MAX_SANDBOXES = 4  # of a client, by default


@pytest.fixture
def nodes(serve: Serve, redis_server: Redis) -> tuple[Server, Server]:
    """Two nodes of a cluster, which know each other."""
    one, other = (
        serve(redis=redis_server.url, api_tokens=f"{ALICE} {BOB}", metrics="open") for _ in range(2)
    )
    assert wait_until(lambda: _nodes(one) == _nodes(other) == 2, 20)
    return one, other


def _nodes(server: Server) -> int:
    requests.get(f"{server.url}{PREFIX}", headers=_as(ALICE), timeout=60)  # it asks for the table
    return int(metric(server, "bitrun_nodes"))


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def box(nodes: tuple[Server, Server]) -> Iterator[HttpSandbox]:
    """A sandbox of the first node, which is asked for at the second one."""
    with sandbox(nodes[0], ALICE) as made:
        yield HttpSandbox(nodes[1], made.id, ALICE)


def test_commands_and_files(box: HttpSandbox, nodes: tuple[Server, Server]) -> None:
    assert box.sh("echo $((6*7)) >out; cat out") == "42\n"
    assert box.get("out").content == b"42\n"
    content = bytes(range(256)) * 4000
    assert box.put("in put.bin", content).json()["size"] == len(content)
    assert box.get("in%20put.bin").content == content
    chunks = iter([b"a" * 100_000, b"b"])
    assert box.call("PUT", "/files/chunked", data=chunks).status_code == 200
    assert box.sh("wc -c <chunked") == "100001\n"
    assert box.call("GET").json()["id"] == box.id
    listed = requests.get(f"{nodes[1].url}{PREFIX}", headers=_as(ALICE), timeout=60)
    assert [each["id"] for each in listed.json()] == [box.id]
    assert "X-Silent-Nodes" not in listed.headers
    assert box.call("POST", "/exec", data=b"{").status_code == 400
    assert box.delete().json()["deleted"]
    assert box.call("GET").status_code == 410


def test_the_tools_of_agents(box: HttpSandbox, nodes: tuple[Server, Server]) -> None:
    def tool(name: str, **arguments: str) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        answer = requests.post(
            f"{nodes[1].url}/mcp",
            json=body | {"params": {"name": name, "arguments": arguments}},
            headers=_as(ALICE) | {"Accept": "application/json, text/event-stream"},
            timeout=60,
        ).json()["result"]
        assert not answer["isError"], answer
        return answer

    listed = tool("list_sandboxes")["structuredContent"]["sandboxes"]
    assert [each["sandbox"] for each in listed] == [box.id]
    done = tool("run_command", sandbox=box.id, command="echo a >f; sleep 1; cat f")
    assert done["structuredContent"]["stdout"] == "a\n"
    assert tool("read_file", sandbox=box.id, path="f")["content"][0]["resource"]["text"] == "a\n"
    tool("delete_sandbox", sandbox=box.id)
    assert box.call("GET").status_code == 410


def test_output_as_it_comes(box: HttpSandbox) -> None:
    box.sh("mkfifo pipe")
    answer = box.call(
        "POST",
        "/exec",
        json={"command": "echo first; read x <pipe; echo $x"},
        headers={"Accept": "application/x-ndjson", "X-Request-Id": "mine"},
        stream=True,
    )
    assert answer.headers["X-Request-Id"] == "mine"
    lines = map(json.loads, answer.iter_lines())
    assert next(lines)["data"] == "first\n"
    box.sh("echo second >pipe")
    assert [next(lines)["data"], next(lines)["code"], list(lines)] == ["second\n", 0, []]


def test_a_terminal(box: HttpSandbox, nodes: tuple[Server, Server]) -> None:
    with Terminal(nodes[1], PREFIX, f"/{box.id}/terminal", additional_headers=_as(ALICE)) as user:
        user.send(type="init", tty={"rows": 30, "columns": 100})
        assert user.receive() == {"type": "stage", "stage": "run"}
        user.type("echo $((6*7))\r")
        screen = ""
        while "42" not in screen:
            screen += user.receive().get("data", "")
        user.type("exit 3\r")
        while (frame := user.receive())["type"] == "data":
            pass
        assert (frame["type"], frame["code"]) == ("exit", 3)
    with pytest.raises(InvalidStatus, match="401"):
        Terminal(nodes[1], PREFIX, f"/{box.id}/terminal")


def test_a_client_that_leaves_ends_its_command(box: HttpSandbox) -> None:
    pid = box.leave_a_command()
    assert wait_until(lambda: box.has_no(pid), 20)


@pytest.mark.attack(
    "request", "a sandbox of another client, through another node", "404, as if there were none"
)
def test_another_client_has_no_way_in(box: HttpSandbox, nodes: tuple[Server, Server]) -> None:
    assert HttpSandbox(nodes[1], box.id, BOB).call("GET").status_code == 404
    assert HttpSandbox(nodes[1], box.id).call("GET").status_code == 401
    listed = requests.get(f"{nodes[1].url}{PREFIX}", headers=_as(BOB), timeout=60)
    assert listed.json() == []


@pytest.mark.attack(
    "request",
    "ids that name no node, or a node that passes requests on for ever",
    "404, 410 or 503; a request is passed on once",
)
def test_ids_that_lead_nowhere(box: HttpSandbox, nodes: tuple[Server, Server]) -> None:
    random, _, name = box.id.partition(".")
    for identity, statuses in (
        (random, (404,)),
        (f"{random}.10.0.0.1:80", (404,)),
        (f"{random}.00000000", (410, 503)),
        (f"x.{name}", (404,)),
    ):
        answer = HttpSandbox(nodes[1], identity, ALICE).call("GET")
        assert answer.status_code in statuses, identity
    again = box.call("GET", headers={"X-Bitrun-Node": "00000000"})
    assert (again.status_code, "gone" in again.json()["message"]) == (410, True)


def test_a_client_has_so_many_on_all_nodes(serve: Serve, redis_server: Redis) -> None:
    one, other = (
        serve(redis=redis_server.url, api_tokens=f"{ALICE} {BOB}", max_sandboxes_per_client="1")
        for _ in range(2)
    )
    with sandbox(one, ALICE):
        for node in (one, other):
            refused = create(node, ALICE)
            assert (refused.status_code, "At most 1 " in refused.text) == (429, True)
        with sandbox(other, BOB):
            pass
    with sandbox(other, ALICE):
        pass


@pytest.mark.chaos
@pytest.mark.attack(
    "fault",
    "the node of a sandbox is killed",
    "503 until it counts as lost, then 410; other sandboxes are as before",
)
def test_a_lost_node(nodes: tuple[Server, Server], redis_server: Redis) -> None:
    lost, left = nodes
    box = HttpSandbox(left, create(lost, ALICE).json()["id"], ALICE)
    assert box.sh("echo on") == "on\n"
    with sandbox(left, ALICE) as other:
        expired = time.monotonic() + LIFE_SECONDS + 1
        _kill(lost)
        answer = box.call("GET")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        listed = requests.get(f"{left.url}{PREFIX}", headers=_as(ALICE), timeout=60)
        assert [each["id"] for each in listed.json()] == [other.id]
        assert listed.headers["X-Silent-Nodes"] == "1"
        assert wait_until(lambda: box.call("GET").status_code == 410, 2 * LIFE_SECONDS)
        assert box.call("GET").json()["message"] == (
            "The sandbox has ended: the node that had it is gone"
        )
        assert other.sh("echo on") == "on\n"
        # Those of the lost node count no longer; the other one still does, since it is renewed.
        time.sleep(max(0.0, expired - time.monotonic()))
        with closing(redis.Redis(port=redis_server.port)) as client:
            (leases,) = client.scan_iter("bitrun:sandboxes:*")
            assert client.zcount(leases, time.time() * 1000, "+inf") == 1
        made = [create(left, ALICE) for _ in range(MAX_SANDBOXES)]
        assert [each.status_code for each in made] == [201] * (MAX_SANDBOXES - 1) + [429]
        for each in made[:-1]:
            HttpSandbox(left, each.json()["id"], ALICE).delete()


def _kill(server: Server) -> None:
    pid = server.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (pid, *map(int, workers)):
        os.kill(process, signal.SIGKILL)
    server.process.wait()
