"""Sandboxes with a network, on a real engine: what they reach, and that there is nothing else."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import docker
import pytest

from bitrun.config.settings import Settings
from bitrun.doctor import egress
from bitrun.doctor.findings import Level
from bitrun.engine.engine import Engine
from bitrun.images.sealed import SealedImages
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support import jupyter
from tests.support.piston import package, reply, write_catalogue
from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server
from tests.support.waiting import wait_until

# The first of them on an engine builds the proxy.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

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


_MANY = """
import socket, sys
from http.client import HTTPResponse
opened, answers = [], []
for _ in range(70):
    opened.append(socket.create_connection(("127.0.0.1", 3128), timeout=20))
    opened[-1].sendall(f"CONNECT {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode())
    answers.append(HTTPResponse(opened[-1]))
    answers[-1].begin()
print(sum(answer.status == 200 for answer in answers))
print(answers[-1].read().decode().splitlines()[-1])
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
        # Nor does one leave the others without connections.
        many = one.exec(["python3", "-c", _MANY, f"{address}:{port}"], timeout=60_000)["stdout"]
        assert many == (
            "64\nBitRun: this program has too many connections at once: 64 are possible.\n"
        )


def test_a_language_of_the_catalogue_reaches_all_listed_hosts(
    egress_image: None, serve: Callable[..., Server], site: tuple[str, int], tmp_path: Path
) -> None:
    address, port = site
    languages = write_catalogue(
        tmp_path,
        package("open", "python", network=True, run="python3 %s", compile="true"),
        package("closed", "node", run="sh %s"),
    )
    # With a pool, so that one is made before it is asked for.
    server = serve(languages=languages, egress=f"{address}:{port}", pool_size=2, run_timeout=60_000)
    url = f"http://{address}:{port}/"
    found = reply(server, "open", _FETCH, args=[url, "http://example.com/"])
    listed, other = json.loads(found["run"]["stdout"])
    assert listed == [200, "hello from /"]
    assert other[0] == 403
    # A sandbox of the language has what it asks for, and no more.
    with sandbox(server, language="open") as box:
        assert fetch(box, url)[0][0] == 0
    shown = reply(server, "closed", "ls /bitrun/egress; env | grep -ci proxy")["run"]
    assert (shown["stdout"], shown["code"]) == ("0\n", 1)


def test_a_kernel_of_jupyters_protocol_reaches_what_the_catalogue_gives_its_language(
    egress_image: None, serve: Callable[..., Server], site: tuple[str, int], tmp_path: Path
) -> None:
    address, port = site
    languages = jupyter.catalogue(tmp_path, network=True)
    server = serve(
        dialects="jupyter,sandboxes", languages=languages, egress=f"{address}:{port} pypi.org"
    )
    with jupyter.JupyterClient(server).kernel("echo"):
        (found,) = server.get("/api/v3/sandboxes").json()
        box = HttpSandbox(server, found["id"])
        listed, other = fetch(box, f"http://{address}:{port}/", "http://example.com/")
        assert (listed, other[0]) == ((200, "hello from /"), 403)


@pytest.mark.attack("fault", "the egress proxy is killed", "it is replaced, and sandboxes go on")
def test_the_proxy_is_replaced(
    online: Server,
    site: tuple[str, int],
    docker_client: docker.APIClient,
    containers: Callable[[], set[str]],
) -> None:
    address, port = site
    url = f"http://{address}:{port}/"
    with sandbox(online, language="python", network_policy=policy(f"{address}:{port}")) as box:
        assert fetch(box, url)[0][0] == 200
        before = our_proxies(docker_client)
        assert len(before) == 1
        docker_client.kill(before[0])
        assert wait_until(lambda: fetch(box, url)[0][0] == 200, 60)
        (proxy,) = our_proxies(docker_client)
        assert proxy != before[0]
        metrics = online.get("/metrics").text
        assert "bitrun_egress_up 1.0" in metrics
        assert "bitrun_egress_starts_total 2.0" in metrics
        assert "/gate " in processes(docker_client, proxy)
    # The way is gone with the sandbox, and the proxy with a service that is killed.
    assert wait_until(lambda: "/gate " not in processes(docker_client, proxy), 20)
    online.process.kill()
    assert wait_until(lambda: not containers(), 20)


@pytest.mark.chaos
def test_it_goes_through_the_operators_proxy(
    egress_image: None,
    serve: Callable[..., Server],
    site: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server of this test is that proxy, so names need to lead nowhere."""
    address, port = site
    monkeypatch.setenv("https_proxy", f"http://{address}:{port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = serve(egress="made-up.invalid")
    with sandbox(server, language="python", network_policy=policy("made-up.invalid")) as box:
        through, refused = fetch(box, "http://made-up.invalid/", "http://other.invalid/")
        assert through == (200, "hello from http://made-up.invalid/")
        assert refused[0] == 403


def processes(client: docker.APIClient, container: str) -> str:
    return " ".join(map(str, client.top(container)["Processes"]))


@pytest.mark.usefixtures("egress_image")
def test_the_doctor_tries_the_proxy(tmp_path: Path) -> None:
    allowed = Settings(egress=("pypi.org",), pool_size=0)
    for settings, level in (
        (Settings(), None),
        (allowed, Level.OK),
        (allowed.model_copy(update={"images": without_proxy(tmp_path)}), Level.ERROR),
    ):
        service = Service(configuration.read(settings))
        try:
            found = list(egress.check(service, list(service.runtimes.all())))
        finally:
            service.close()
        assert [each.level for each in found] == ([] if level is None else [level]), found


def without_proxy(folder: Path) -> Path:
    """Return a folder of images with another proxy than the installed one."""
    for name in ("egress", "supervisor"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text("FROM scratch\n")
    return folder


@pytest.mark.chaos
@pytest.mark.usefixtures("egress_image")
def test_pip_and_npm_install(serve: Callable[..., Server]) -> None:
    registries = ("pypi.org", "files.pythonhosted.org", "registry.npmjs.org")
    bundle = {"build_ca_bundle": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
    # Where a mirror stands in for a registry, its address may be a private one.
    found = {socket.gethostbyname(each) for each in registries}
    mirrors = [each for each in found if not ip_address(each).is_global]
    server = serve(egress=" ".join((*registries, *mirrors)), **bundle)
    with sandbox(server, language="python", network_policy=policy(*registries[:2])) as box:
        box.sh("pip install --quiet cowsay==6.1", timeout=120_000)
        assert "hello" in box.sh("python3 -c 'import cowsay; cowsay.cow(\"hello\")'")
        assert box.exec("pip download six", timeout=120_000)["code"] == 0
    with sandbox(server, language="python", network_policy=policy("pypi.org")) as box:
        refused = box.exec("pip install --retries 0 six==1.17.0", timeout=120_000)
        assert refused["code"] != 0
        assert "403 Forbidden" in refused["stderr"]
    with sandbox(server, language="javascript", network_policy=policy(registries[2])) as box:
        box.sh("npm install --silent is-odd@3.0.1", timeout=120_000)
        assert box.sh("node -p 'require(\"is-odd\")(3)'") == "true\n"
