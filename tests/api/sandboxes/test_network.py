"""Sandboxes with a network, on a real engine: what they reach, and that there is nothing else."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import docker
import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.images.sealed import SealedImages
from tests.support.sandboxes import HttpSandbox, create, sandbox
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

# Asks for addresses, through the proxy and past it, and prints what has come of it.
_FETCH = """
import http.client, json, sys, urllib.error, urllib.request
def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]
    except OSError as error:
        return [0, str(error)]
print(json.dumps([fetch(url) for url in sys.argv[1:]]))
"""

_TUNNEL = """
import http.client, sys
tunnel = http.client.HTTPConnection("127.0.0.1", 3128, timeout=20)
tunnel.set_tunnel(sys.argv[1], int(sys.argv[2]))
try:
    tunnel.request("GET", "/")
    print(tunnel.getresponse().read().decode())
except OSError as error:
    print(error)
"""

_PAST_IT = """
import os, socket, sys
def attempt(what):
    try:
        return what()
    except OSError as error:
        return type(error).__name__, error.errno
def connect(address, port):
    socket.create_connection((address, port), timeout=3).close()
    return "connected"
def ask(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(1)
        resolver.sendto(bytes.fromhex("000101000001000000000000") + b"\\7example\\3com\\0\\0\\1\\0\\1", (server, 53))
        return resolver.recv(500)
print(*(line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]))
print(len(open("/proc/net/route").readlines()) - 1)
for address in sys.argv[2:]:
    print(attempt(lambda: connect(address, int(sys.argv[1]))))
print(attempt(lambda: socket.getaddrinfo("example.com", 80)))
print(attempt(lambda: ask("127.0.0.11")), attempt(lambda: ask("1.1.1.1")))
print(attempt(lambda: os.listdir("/bitrun/egress")))
print(attempt(lambda: open("/bitrun/egress/mine", "w")))
"""


class Site(BaseHTTPRequestHandler):
    """A server that programs may reach."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"hello from {self.path}".encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def egress_image() -> None:
    settings = Settings()
    engine = Engine()
    images = SealedImages(engine, settings.images, settings.build_ca_bundle)
    if not images.has_current_egress():
        images.install_egress(lambda _: None)
    engine.close()


@pytest.fixture
def site() -> Iterator[tuple[str, int]]:
    """Return address and port of a server on this machine, and so on the engine's host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        address = probe.getsockname()[0]
    with ThreadingHTTPServer((address, 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address, server.server_address[1]
        server.shutdown()


@pytest.fixture
def online(egress_image: None, serve: Callable[..., Server], site: tuple[str, int]) -> Server:
    address, port = site
    return serve(egress=f"{address}:{port} egress *.example.org pypi.org")


def policy(*domains: str) -> dict[str, Any]:
    return {"type": "allowlist", "allowed_domains": list(domains)}


def fetch(box: HttpSandbox, *urls: str) -> list[tuple[int, str]]:
    found = box.exec(["python3", "-c", _FETCH, *urls], timeout=60_000)
    assert found["code"] == 0, found
    return [(status, text) for status, text in json.loads(found["stdout"])]


def our_proxies(client: docker.APIClient) -> list[str]:
    found = client.containers(filters={"label": "bitrun.role=egress"})
    return [container["Id"] for container in found]


@pytest.mark.attack(
    "program",
    "reaches for hosts that are not on its allow-list, by name, by address, by DNS, past the proxy",
    "has no network but a socket to the proxy, which refuses all but the listed hosts",
)
def test_only_listed_hosts_are_reached(online: Server, site: tuple[str, int]) -> None:
    address, port = site
    allowed = policy(f"{address}:{port}", "egress", "*.example.org:443")
    with sandbox(online, language="python", network_policy=allowed) as box:
        assert box.call("GET").json()["network_policy"] == allowed
        listed, name, suffix, private, other_port, by_address, metadata = fetch(
            box,
            f"http://{address}:{port}/listed",
            "http://example.com/",
            "http://example.org/",
            "http://egress/",  # the proxy's own name, with an address of its network
            f"http://{address}:{port + 1}/",
            "http://1.1.1.1/",
            "http://169.254.169.254/latest/meta-data/",
        )
        assert listed == (200, "hello from /listed")
        for refused in (name, suffix, other_port, by_address, metadata):
            assert refused[0] == 403
            assert "is not on the allow-list of this program" in refused[1]
        assert private[0] == 403
        assert "has an address of a private network" in private[1]
        for host, to, end in (
            (address, port, "hello from /"),
            ("example.com", 443, "403 Forbidden"),
            ("127.0.0.1", 3128, "403 Forbidden"),
        ):
            assert end in box.sh(f"python3 -c '{_TUNNEL}' {host} {to}")
        shown = box.exec(
            ["python3", "-c", _PAST_IT, str(port), address, "172.17.0.1", "169.254.169.254", "::1"],
            timeout=60_000,
        )["stdout"].splitlines()
        assert shown[0] == "lo"
        assert shown[1] == "0"  # routes
        assert all("OSError" in line or "Refused" in line for line in shown[2:6]), shown
        assert "gaierror" in shown[6]
        assert "OSError" in shown[7] or "Refused" in shown[7]
        assert "PermissionError" in shown[8]
        assert "OSError" in shown[9] or "PermissionError" in shown[9], shown


@pytest.mark.attack(
    "program",
    "connects to the proxy by the socket of another sandbox",
    "the socket belongs to the other's user: permission denied",
)
def test_each_has_its_own_way(online: Server, site: tuple[str, int]) -> None:
    address, port = site
    with ExitStack() as boxes:

        def new(**fields: Any) -> HttpSandbox:
            return boxes.enter_context(sandbox(online, language="python", **fields))

        one = new(network_policy=policy(f"{address}:{port}"))
        other = new(network_policy=policy("*.example.org"))
        closed = new()
        url = f"http://{address}:{port}/"
        assert fetch(one, url)[0][0] == 200
        assert fetch(other, url)[0][0] == 403
        assert fetch(closed, url)[0][0] == 0
        assert closed.sh(
            "ls /bitrun/egress 2>/dev/null || echo none; env | grep -ci proxy; true"
        ) == ("none\n0\n")
        gate = one.sh(
            "cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep ^/bitrun/egress/ | head -n 1"
        ).strip()
        script = "import socket,sys; print(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))"
        assert one.sh(f"python3 -c '{script}' {gate}") == "0\n"
        assert other.sh(f"python3 -c '{script}' {gate}") == "13\n"


@pytest.mark.attack("fault", "the egress proxy is killed", "it is replaced, and sandboxes go on")
def test_the_proxy_is_replaced(
    online: Server, site: tuple[str, int], docker_client: docker.APIClient
) -> None:
    address, port = site
    url = f"http://{address}:{port}/"
    with sandbox(online, language="python", network_policy=policy(f"{address}:{port}")) as box:
        assert fetch(box, url)[0][0] == 200
        before = our_proxies(docker_client)
        assert len(before) == 1
        docker_client.kill(before[0])
        assert wait_until(lambda: fetch(box, url)[0][0] == 200, 60)
        assert our_proxies(docker_client) != before
        metrics = online.get("/metrics").text
        assert "bitrun_egress_up 1.0" in metrics
        assert "bitrun_egress_starts_total 2.0" in metrics
    assert (
        create(online, language="python", network_policy=policy("example.com")).status_code == 400
    )


def test_the_way_is_gone_with_the_sandbox(
    online: Server, site: tuple[str, int], docker_client: docker.APIClient
) -> None:
    address, port = site
    with sandbox(online, language="python", network_policy=policy(f"{address}:{port}")) as box:
        box.sh("true")
        (proxy,) = our_proxies(docker_client)
        assert "gate" in _processes(docker_client, proxy)
    started = time.monotonic()
    while "gate" in _processes(docker_client, proxy):
        assert time.monotonic() < started + 20
        time.sleep(0.05)


def _processes(client: docker.APIClient, container: str) -> str:
    return str(client.top(container)["Processes"])
