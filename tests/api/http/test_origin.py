"""Pages of other sites in a browser on the service's machine, and proxies that hide their clients."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from bitrun.api.http.origin import is_loopback_name
from tests.support.piston import message, request
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN

EVIL = "http://evil.example"
FORM = "application/x-www-form-urlencoded"
SIMPLE = [
    # What a page may send to any site without asking it first.
    ("/api/v1/run", FORM, b"filename=a.sh&content=echo+1"),
    ("/api/v2/execute", FORM, b"timeout=1&language=bash&version=*&files=echo+1"),
    ("/api/v2/execute", "text/plain;charset=UTF-8", b'{"language": "bash"}'),
    ("/mcp", "application/json", b"{}"),
]


def send(server: Server, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, server.url + path, timeout=30, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("localhost", True), ("LOCALHOST".lower(), True), ("a.localhost", True), ("localhost.", True),
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True),
        ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.nip.io", False),
        ("0.0.0.0", False), ("192.168.0.1", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_loopback_names(name: str | None, expected: bool) -> None:
    assert is_loopback_name(name) is expected


@pytest.mark.also_engine
@pytest.mark.attack("request", "a web page by DNS rebinding, without tokens", "refused with 403")
@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/api/v2/runtimes", "/playground/server.json", "/metrics"])
def test_another_host_name(server: Server, host: str, path: str) -> None:
    reply = send(server, "GET", path, headers={"Host": host})
    assert reply.status_code == 403
    assert message(reply).endswith(f"loopback names only, not to {host}")


def test_own_host_names(server: Server) -> None:
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1", "[::1]:80", "box.localhost"):
        assert send(server, "GET", "/api/v2/runtimes", headers={"Host": host}).ok


@pytest.mark.also_engine
@pytest.mark.attack("request", "a form on another site's page, without tokens", "refused with 403")
@pytest.mark.parametrize(("path", "kind", "body"), SIMPLE)
@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://[", "http://127.0.0.1", "https://127.0.0.1:1"]
)
def test_another_origin(server: Server, path: str, kind: str, body: bytes, origin: str) -> None:
    headers = {"Origin": origin, "Content-Type": kind}
    reply = send(server, "POST", path, data=body, headers=headers)
    assert reply.status_code == 403
    assert "Pages of other sites may not use this" in reply.text
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_the_own_origin(server: Server) -> None:
    reply = send(
        server, "POST", "/api/v2/execute",
        json=request("bash", "echo 1"), headers={"Origin": server.url},
    )  # fmt: skip
    assert reply.json()["run"]["stdout"] == "1\n"


@pytest.mark.also_engine
@pytest.mark.attack(
    "request", "a session of another site's page, without tokens", "refused with 403"
)
def test_sessions_of_another_origin(server: Server) -> None:
    url = f"ws://127.0.0.1:{server.port}/api/v2/connect"
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=Origin(EVIL)):
        pass
    assert refused.value.response.status_code == 403
    with connect(url, origin=Origin(server.url)):
        pass


def test_with_tokens_pages_must_hold_one(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=RUN, admin_tokens=ADMIN, cors_origin="https://school.example")
    headers = {"Origin": "https://school.example", "Authorization": f"Bearer {RUN}"}
    for path in ("/api/v1/run", "/api/v2/execute", "/api/v2/piston/execute", "/api/v2/nothing"):
        preflight = send(server, "OPTIONS", path, headers={"Origin": "https://school.example"})
        for reply in (preflight, send(server, "POST", path, json={}, headers=headers)):
            assert reply.headers["Access-Control-Allow-Origin"] == "https://school.example"
            assert "PUT, PATCH, DELETE" in reply.headers["Access-Control-Allow-Methods"]
            assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
            assert (
                "X-Run-Exitcode" in reply.headers["Access-Control-Expose-Headers"] or "v2" in path
            )
    reply = send(server, "POST", "/api/v2/execute", json=request("bash", "echo 1"), headers=headers)
    assert reply.json()["run"]["stdout"] == "1\n"
    assert send(server, "GET", "/api/v2/runtimes", headers={"Host": "school.example"}).ok


PACKAGE = {"language": "nothing", "version": "*"}
NOT_FOUND = "Requested package nothing-* does not exist"


def change(url: str, **headers: str) -> tuple[int, str]:
    reply = requests.post(f"{url}/api/v2/packages", json=PACKAGE, headers=headers, timeout=30)
    return reply.status_code, message(reply)


def test_packages_on_loopback(server: Server) -> None:
    assert change(server.url, Origin=server.url) == (404, NOT_FOUND)
    for headers in ({}, {"Origin": EVIL}, {"Origin": server.url, "Host": "evil.example"}):
        status, text = change(server.url, **headers)
        assert status == 403, text
    local = server.url.replace("127.0.0.1", "localhost")
    assert change(server.url, Origin=local, Host=local.removeprefix("http://")) == (404, NOT_FOUND)


_PROXY = """
import encodings.idna, os, socket, sys
port, user = int(sys.argv[1]), int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
os.setuid(user)
client, _ = listener.accept()
request = client.recv(65536)
head, _, body = request.partition(b"\\r\\n\\r\\n")
lines = [line for line in head.split(b"\\r\\n") if not line.lower().startswith((b"host:", b"connection:"))]
lines[1:1] = [b"Host: 127.0.0.1:%d" % port, b"Connection: close"]
upstream = socket.create_connection(("127.0.0.1", port))
upstream.sendall(b"\\r\\n".join(lines) + b"\\r\\n\\r\\n" + body)
while data := upstream.recv(65536):
    client.sendall(data)
"""


@contextlib.contextmanager
def bare_proxy(server: Server, user: int) -> Iterator[str]:
    """Run a proxy that says nothing of its client, as nginx's `proxy_pass` does by itself."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROXY, str(server.port), str(user)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.wait(10)


@pytest.mark.also_engine
@pytest.mark.attack("request", "packages changed through a proxy that hides its clients", "403")
@pytest.mark.parametrize("forged", [False, True])
def test_packages_behind_a_bare_proxy(server: Server, forged: bool) -> None:
    with bare_proxy(server, 65534) as url:
        status, text = change(url, **({"Origin": server.url} if forged else {}))
    assert status == 403, text


def test_packages_behind_a_bare_proxy_of_root(server: Server) -> None:
    with bare_proxy(server, 0) as url:
        status, text = change(url, Origin=url)
    assert status == 403, text


def test_a_forwarded_script_name_is_ignored(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(
            b"GET /evil/healthz HTTP/1.1\r\nHost: localhost\r\nSCRIPT_NAME: /evil\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert client.makefile("rb").readline().split()[1] == b"404"
