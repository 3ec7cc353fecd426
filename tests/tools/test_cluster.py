"""The cluster test's own parts, without a cluster: the page it follows, its checks, the simulation."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.load import Answer
from tools.cluster import deployment, load, monitoring, page, simulation
from tools.cluster.costs import Costs
from tools.cluster.machine import MachineError
from tools.cluster.scenarios import Event, Findings, Scenarios, complaints, retries_since

PAGE = """\
<!-- on: first -->

```console
$ export A=1
$ docker swarm init \\
>     --advertise-addr 192.0.2.1
Swarm initialized
```

```console
$ not run
```

<!-- on: others -->

```console
$ docker swarm join --token TOKEN
```
"""


def test_the_commands_of_a_page_are_read() -> None:
    assert deployment.read_blocks(PAGE) == [
        deployment.Block(
            "first", "export A=1\ndocker swarm init \\\n    --advertise-addr 192.0.2.1"
        ),
        deployment.Block("others", "docker swarm join --token TOKEN"),
    ]


def test_the_page_has_about_ten_commands() -> None:
    blocks = deployment.read_blocks(deployment.PAGE.read_text())
    assert {block.where.partition(",")[0] for block in blocks} == {"first", "others"}
    assert sum(len(block.commands.splitlines()) for block in blocks) <= 16


@pytest.fixture
def replies() -> Iterator[tuple[load.Front, list[tuple[int, str, str]]]]:
    """A front that gives these replies (status, output, request id), one after the other."""
    given: list[tuple[int, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, output, request_id = given.pop(0)
            self.send_response(status)
            self.send_header("X-Request-Id", request_id)
            self.end_headers()
            self.wfile.write(f'{{"run": {{"output": "{output}"}}}}'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield load.Front(f"http://127.0.0.1:{server.server_address[1]}", "", Path()), given
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        ((200, "a-1\\n", "a-1"), ""),
        ((200, "a-2\\n", "a-1"), "wrong output"),
        ((200, "a-1\\n", "a-2"), "wrong request id"),
        ((503, "", "a-1"), "503"),
    ],
)
def test_every_answer_is_checked(
    replies: tuple[load.Front, list[tuple[int, str, str]]], reply: tuple[int, str, str], wrong: str
) -> None:
    front, given = replies
    given.append(reply)
    answer = load.sleep_and_echo(front, "a-1", 0)
    assert answer.wrong.startswith(wrong)
    assert bool(answer.wrong) == bool(wrong)


def test_later_commands_have_names() -> None:
    page_ = deployment.PAGE.read_text()
    for name in ("renewal", "tokens", "update", "drain", "monitoring", "encrypted"):
        assert any("docker" in line for line in deployment.read_commands(page_, name)), name
    with pytest.raises(MachineError, match="no commands to fly"):
        deployment.read_commands(page_, "fly")


def test_every_scenario_is_there() -> None:
    assert all(callable(getattr(Scenarios, name)) for name in Scenarios.ALL)


def test_the_dashboard_asks_for_all_nodes() -> None:
    queries = monitoring.dashboard_queries()
    assert len(queries) > 50
    assert not [query for query in queries if "$" in query]


def test_each_client_may_lose_one_connection() -> None:
    lost = [lost_answer(f"x-{client}.1") for client in range(3)]
    assert list(complaints("x", lost, breaks=True)) == []
    twice = [*lost, lost_answer("x-1.2")]
    assert list(complaints("x", twice, breaks=True)) == ["x: more than one connection of ['x-1']"]
    assert list(complaints("x", lost, breaks=False)) == ["x: 3 answers: connection: Reset"]
    refused = Answer("x-0.1", 503, "", "503", 0.0, 0.0)
    assert list(complaints("x", [refused], breaks=True)) == ["x: 1 answers: 503"]


def test_retries_are_counted_on_every_machine() -> None:
    before, after = {"node1": 5, "node2": 3}, {"node1": 7, "node2": 1, "node3": 2}
    assert retries_since(before, after) == 2 + 1 + 2


def lost_answer(word: str) -> Answer:
    return Answer(word, None, "", "connection: Reset", 0.0, 0.0)


def test_no_answer_is_wrong() -> None:
    front = load.Front("http://127.0.0.1:1", "", Path())
    assert load.sleep_and_echo(front, "a-1", 0).wrong.startswith("connection")


def test_the_table_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "cluster.md"
    path.write_text("before\n<!-- measured -->\nold\n<!-- end -->\nafter\n")
    findings = Findings(rates=[2.0, 3.9])
    findings.events.append(Event("a node was lost", 40, Counter({"503": 1}), 3, 4.25))
    findings.failures.append("a node was lost: 1 answers: 503")
    findings.notes.append("Prometheus was there.")
    page.write(findings, Costs(0.3, 1.0, 0.05), "a machine", path)
    text = path.read_text()
    assert text.startswith("before\n<!-- measured -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "| 2 | 3.90 | 1.95 |" in text
    assert "| a node was lost | 40 | 1 | 3 | 4.2 s |" in text
    assert "\n\nPrometheus was there.\n\n" in text
    assert "- a node was lost: 1 answers: 503" in text
    assert "| HAProxy, on a new connection | 1.00 ms |" in text
    assert "old" not in text


def simulate(policy: str, load_: float = 0.9, nodes: int = 10) -> list[float]:
    return simulation.simulate(
        [simulation.Node() for _ in range(nodes)],
        simulation.POLICIES[policy](),
        simulation.needs_of_mix(),
        load=load_,
        runs=8_000,
        seed=2,
    )


def test_one_run_takes_as_long_as_it_needs() -> None:
    for policy in simulation.POLICIES.values():
        took = simulation.simulate([simulation.Node()], policy(), [0.5], load=0.001, runs=20)
        assert took == pytest.approx([0.5] * len(took))


def test_runs_share_processors() -> None:
    node = simulation.Node()
    for _ in range(8):  # on four processors
        node.add(1.0, 0.0)
    assert node.next_end() == pytest.approx(2.0)


def test_few_places_make_runs_wait() -> None:
    node = simulation.Node()
    for _ in range(17):
        node.add(1.0, 0.0)
    assert (len(node.ends), len(node.waiting), node.runs) == (16, 1, 17)
    node.advance(node.next_end())
    node.finish()
    assert (len(node.ends), len(node.waiting)) == (16, 0)


def test_fewest_connections_are_no_worse_than_others() -> None:
    worst = {policy: sorted(simulate(policy))[-80] for policy in simulation.POLICIES}
    assert worst["fewest connections"] <= worst["random of two"] <= worst["round robin"]


@pytest.mark.parametrize("policy", simulation.POLICIES)
def test_the_page_has_what_the_simulation_prints(policy: str) -> None:
    needs = simulation.needs_of_mix()
    assert simulation.row(3, policy, 0.7, needs) in page.PAGE.read_text().splitlines()


def test_durations_are_read_from_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"run_ms": 250.0}\nno JSON\n{"message": "x"}\n')
    assert simulation.read_needs(log) == [0.25]
