"""`deploy/swarm`: its HAProxy in front of nodes that only pretend, and what its files promise."""

import base64
import hashlib
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from websockets.sync.client import connect

from bitrun.api.app import create_app
from bitrun.config.settings import Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support import haproxy
from tests.support.haproxy import CONFIGURATION, PLACES, QUEUE, SWARM
from tests.support.needs import need
from tests.support.paths import ROOT
from tests.support.waiting import wait_until

EXECUTE = "/api/v2/execute"
FAST_CHECKS = {"inter 2s fastinter 500ms": "inter 100ms", "slowstart 10s ": ""}


class Node(ThreadingHTTPServer):
    """A node that answers with its own number, unless a test has it do something else.

    `asked` are the requests that have reached it, but for health checks.
    """

    daemon_threads = True

    def __init__(self, number: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.number = number
        self.is_ready = True
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.behave: Callable[[_Handler], None] = answer

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Node
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self.reply(200 if self.server.is_ready else 503, "{}")
        else:
            self._request()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._request()

    def _request(self) -> None:
        self.server.asked.append((self.command, self.path, _lower(self.headers.items())))
        self.server.behave(self)

    def handle(self) -> None:
        with suppress(ConnectionError):  # checks end with a reset
            super().handle()

    def reply(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def answer(handler: _Handler) -> None:
    handler.reply(200, str(handler.server.number))


def busy(handler: _Handler) -> None:
    handler.reply(503, '{"message":"busy"}', Retry_After="1")


def hang_up(handler: _Handler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def take_long(handler: _Handler) -> None:
    time.sleep(2.5)
    answer(handler)


def upgrade(handler: _Handler) -> None:
    """Accept a WebSocket, and end it with a frame of two bytes."""
    key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
    handler.send_response(101)
    for name, value in (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept),
    ):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(b"\x81\x02hi")
    handler.close_connection = True


class Front(haproxy.Front):
    """HAProxy in front of some nodes, and its clients."""

    def __init__(
        self, folder: Path, nodes: list[Node], changes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder, [node.port for node in nodes], {**FAST_CHECKS, **(changes or {})})
        self.nodes = nodes

    def post(self, path: str, data: str = "{}", **headers: str) -> requests.Response:
        return requests.post(
            f"https://127.0.0.1:{self.https}{path}",
            data=data,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            verify=str(self.certificate),
            timeout=60,
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        url = f"https://127.0.0.1:{self.https}{path}"
        return requests.get(url, headers=headers, verify=str(self.certificate), timeout=60)

    def metric(self, start: str) -> float:
        text = requests.get(f"http://127.0.0.1:{self.statistics}/metrics", timeout=60).text
        return sum(float(it.split()[-1]) for it in text.splitlines() if it.startswith(start))

    def sees(self, nodes: int) -> bool:
        """Whether so many are ready: runs and all else have checks of their own."""
        seen = {
            self.metric(f'haproxy_backend_active_servers{{proxy="{proxy}"}}')
            for proxy in ("runs", "others")
        }
        return seen == {nodes}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    need("haproxy", "haproxy")
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node(number)) for number in (1, 2, 3)]
        threads = [threading.Thread(target=node.serve_forever, args=(0.05,)) for node in nodes]
        for thread in threads:
            thread.start()
        front = Front(tmp_path_factory.mktemp("swarm"), nodes)
        with front.running():
            yield front
        for node in nodes:
            node.shutdown()
        for thread in threads:
            thread.join()


@pytest.fixture
def front(started: Front) -> Front:
    for node in started.nodes:
        node.behave, node.is_ready = answer, True
        node.asked.clear()
    assert wait_until(lambda: started.sees(len(started.nodes)), 20)
    return started


def asked(front: Front) -> int:
    return sum(len(node.asked) for node in front.nodes)


pytestmark = pytest.mark.builds  # installs HAProxy


def test_runs_are_spread(front: Front) -> None:
    assert {front.post(EXECUTE).text for _ in range(6)} == {"1", "2", "3"}


@pytest.mark.parametrize("failure", [busy, hang_up])
def test_a_run_is_tried_again_elsewhere(front: Front, failure: Callable[[_Handler], None]) -> None:
    for node in front.nodes[:2]:
        node.behave = failure
    for _ in range(6):
        reply = front.post(EXECUTE)
        assert (reply.status_code, reply.text) == (200, "3")


@pytest.mark.parametrize("failure", [busy, hang_up])
@pytest.mark.parametrize("path", ["/api/v2/packages", "/api/v3/sandboxes", "/api/v2/files", "/new"])
def test_what_has_effects_is_tried_once(
    front: Front, failure: Callable[[_Handler], None], path: str
) -> None:
    for node in front.nodes:
        node.behave = failure
    assert front.post(path).status_code == (503 if failure is busy else 502)
    assert asked(front) == 1


def test_a_large_run_is_tried_once(front: Front) -> None:
    """It fits in no buffer; the client gets an honest answer."""
    for node in front.nodes:
        node.behave = busy
    assert front.post(EXECUTE, "x" * 200_000).status_code == 503
    assert asked(front) == 1


def test_the_last_refusal_is_passed_on(front: Front) -> None:
    for node in front.nodes:
        node.behave = busy
    reply = front.post(EXECUTE)
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
    assert reply.json() == {"message": "busy"}
    assert asked(front) == 4


def test_a_node_that_is_not_ready_gets_nothing(front: Front) -> None:
    front.nodes[0].is_ready = False
    assert wait_until(lambda: front.sees(2), 20)
    assert {front.post(EXECUTE).text for _ in range(6)} == {"2", "3"}


def test_without_a_ready_node_the_answer_is_honest(front: Front) -> None:
    for node in front.nodes:
        node.is_ready = False
    assert wait_until(lambda: front.sees(0), 20)
    for path in (EXECUTE, "/api/v2/packages"):
        reply = front.post(path)
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
        assert "busy" in reply.json()["message"]


def test_the_queue_is_bounded(front: Front) -> None:
    over = threading.Event()

    def wait(handler: _Handler) -> None:
        over.wait(60)
        answer(handler)

    for node in front.nodes:
        node.behave = wait
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(front.post(EXECUTE).status_code))
        for _ in range(3 * PLACES + QUEUE)
    ]
    try:
        for thread in threads:
            thread.start()
        queue = 'haproxy_backend_current_queue{proxy="runs"}'
        assert wait_until(lambda: front.metric(queue) == QUEUE, 20)
        reply = front.post(EXECUTE)
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
        assert reply.json() == {"message": "The queue is full: try again later"}
        # Only runs wait for places.
        assert wait_until(lambda: asked(front) == 3 * PLACES, 20)
        for node in front.nodes:
            node.behave = answer
        assert front.get("/api/v2/runtimes").status_code == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert statuses == [200] * (3 * PLACES + QUEUE)


def test_nodes_get_the_clients_address_and_a_request_id(front: Front) -> None:
    front.post(EXECUTE, X_Forwarded_For="203.0.113.9", X_Request_Id="mine")
    front.post(EXECUTE)
    (_, _, named), (_, _, unnamed) = sorted(
        (entry for node in front.nodes for entry in node.asked),
        key=lambda entry: entry[2]["x-request-id"] != "mine",
    )
    assert named["x-forwarded-for"] == "127.0.0.1"
    assert re.fullmatch(r"[\w.:+/=@-]{8,64}", unnamed["x-request-id"])


def test_the_dashboard_asks_for_what_there_is(front: Front) -> None:
    text = requests.get(f"http://127.0.0.1:{front.statistics}/metrics", timeout=60).text
    dashboard = (ROOT / "deploy" / "grafana-dashboard.json").read_text()
    wanted = set(re.findall(r"haproxy_\w+", dashboard))
    assert len(wanted) >= 5
    assert wanted <= set(re.findall(r"^haproxy_\w+", text, re.MULTILINE))


def test_metrics_and_plain_http_are_not_served(front: Front) -> None:
    assert front.get("/metrics").status_code == 403
    reply = requests.post(f"http://127.0.0.1:{front.http}/x", allow_redirects=False, timeout=60)
    assert reply.status_code == 308
    assert reply.headers["Location"].startswith("https://")
    assert asked(front) == 0


def test_the_registry_needs_its_password(front: Front) -> None:
    for password in (None, "Basic Yml0cnVuOnk=", "Bearer Yml0cnVuOng="):
        reply = front.get("/v2/", **({} if password is None else {"Authorization": password}))
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"].startswith("Basic")
    assert asked(front) == 0
    assert front.get("/v2/", Authorization="Basic Yml0cnVuOng=").text == "1"


def test_the_registry_is_for_nodes_only(front: Front, tmp_path: Path) -> None:
    elsewhere = Front(tmp_path, front.nodes)
    elsewhere.environment["NODES"] = "192.0.2.0/24 198.51.100.0/24"
    with elsewhere.running():
        assert elsewhere.get("/v2/", Authorization="Basic Yml0cnVuOng=").status_code == 403
    assert asked(front) == 0


def test_only_a_run_must_answer_soon(front: Front, tmp_path: Path) -> None:
    changes = {
        "timeout server 130s": "timeout server 1s",
        "timeout client 130s": "timeout client 1s",
    }
    impatient = Front(tmp_path, front.nodes, changes)
    for node in front.nodes:
        node.behave = take_long
    paths = (EXECUTE, f"{EXECUTE}/batch", "/sandboxfusion/submit", "/api/v2/packages")
    with impatient.running(), ThreadPoolExecutor() as pool:
        statuses = list(pool.map(lambda path: impatient.post(path).status_code, paths))
    assert statuses == [504, 200, 200, 200]


def test_a_websocket_passes(front: Front) -> None:
    for node in front.nodes:
        node.behave = upgrade
    trust = ssl.create_default_context(cafile=str(front.certificate))
    url = f"wss://127.0.0.1:{front.https}/api/v2/connect"
    with connect(url, ssl=trust) as websocket:
        assert websocket.recv(20) == "hi"


def test_every_run_and_nothing_else_is_tried_again() -> None:
    """Of dialects that keep nothing; a run of the others leaves files, or is kept itself."""
    listed = set(
        " ".join(re.findall(r"^    acl run path (.+)$", CONFIGURATION, re.MULTILINE)).split()
    )
    effects = {
        "/api/v2/packages", "/api/v2/piston/packages", "/api/v2/files", "/api/v2/piston/files",
        "/dify/v1/sandbox/dependencies/update",
    }  # fmt: skip
    settings = Settings(dialects=("v1", "piston", "codapi", "sandboxfusion", "dify"))
    app = create_app(Service(configuration.read(settings)))
    posts = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert listed == posts - effects


def read(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SWARM / file).read_text())
    return found


def test_the_encrypted_network_is_the_same_but_for_that() -> None:
    """`docker stack deploy` takes it in place of the stack's, without merging the two."""
    ((name, network),) = read("encrypted.yaml")["networks"].items()
    assert network.pop("driver_opts") == {"encrypted": ""}
    assert {name: network} == read("stack.yaml")["networks"]


def test_prometheus_is_on_the_network_of_the_stack() -> None:
    monitoring = read("monitoring.yaml")
    assert monitoring["networks"]["cluster"] == {"external": True, "name": "bitrun_cluster"}
    (service,) = monitoring["services"].values()
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service
    # A label of a job that nothing asks for would leave the dashboard empty.
    jobs = read("prometheus.yml")["scrape_configs"]
    names = {job["job_name"]: job["dns_sd_configs"][0]["names"] for job in jobs}
    stack = read("stack.yaml")
    assert names == {name: [f"tasks.{name}"] for name in ("bitrun", "haproxy")}
    assert names.keys() <= stack["services"].keys()


def test_the_stack_gives_no_privileges() -> None:
    stack = read("stack.yaml")
    users = {name: service.get("user", "root") for name, service in stack["services"].items()}
    assert [name for name, user in users.items() if user == "root"] == ["registry"]
    for service in stack["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["deploy"]["endpoint_mode"] == "dnsrr"
    assert stack["services"]["bitrun"]["deploy"]["mode"] == "global"
    published = {
        name: [port["published"] for port in service.get("ports", [])]
        for name, service in stack["services"].items()
    }
    assert published.pop("haproxy") == [443, 80]
    assert not any(published.values()), json.dumps(published)
