"""The example configurations of proxies in `deploy/`, each in front of a service."""

import getpass
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.needs import need
from tests.support.paths import ROOT
from tests.support.ports import free_port, listens
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos]

_NGINX = """\
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
SLOW = "import time; time.sleep(9); print('late')"


def nginx(folder: Path, server: Server, port: int) -> list[str]:
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    changes = {
        "127.0.0.1:5000": f"127.0.0.1:{server.port}",
        "listen 80;": f"listen 127.0.0.1:{port};",
    }
    for old, new in changes.items():
        assert site.count(old) == 1
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=getpass.getuser()))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    subprocess.run([*command, "-t"], check=True)
    return command


def caddy(folder: Path, server: Server, port: int) -> list[str]:
    return caddy_command(folder, server, f"http://127.0.0.1:{port}")


def caddy_command(folder: Path, server: Server, site: str, options: str = "") -> list[str]:
    """Caddy with the example as it is, and options that keep it apart from the machine's own."""
    options = f"{{\n\tadmin off\n\tstorage file_system {folder}\n{options}}}\n"
    (folder / "Caddyfile").write_text(options + (ROOT / "deploy" / "Caddyfile").read_text())
    return [
        "env", f"SITE={site}", f"UPSTREAM=127.0.0.1:{server.port}",
        "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile"),
    ]  # fmt: skip


PROXIES: dict[str, Callable[[Path, Server, int], list[str]]] = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a proxy, whose service lets a client run six programs an hour."""
    name = request.param
    need(name, name)
    # Long timeouts for a busy machine, since only the proxies are tested.
    server = Server(
        {
            "BITRUN_TRUSTED_PROXIES": "127.0.0.1/32",
            "BITRUN_RATE_LIMIT": "6/hour",
            "BITRUN_V1_TIMEOUT": "40",
            "BITRUN_RUN_TIMEOUT": "20000",
        }
    )
    port = free_port()
    with subprocess.Popen(PROXIES[name](tmp_path_factory.mktemp(name), server, port)) as process:
        assert wait_until(lambda: listens(port), 20)
        yield f"127.0.0.1:{port}"
        process.terminate()
    server.stop()


class From(HTTPAdapter):
    """Sends requests from another address of this machine, as another client."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: object, **options: object) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)  # type: ignore[arg-type]


def client(address: str) -> requests.Session:
    session = requests.Session()
    session.mount("http://", From(address))
    return session


def execute(proxy: str, content: str, address: str, **headers: str) -> requests.Response:
    body = {"language": "python", "version": "*", "files": [{"content": content}]}
    with client(address) as session:
        return session.post(
            f"http://{proxy}/api/v2/execute", json=body, headers=headers, timeout=60
        )


def received(session: ClientConnection) -> Iterator[dict[str, str]]:
    try:
        while True:
            yield json.loads(session.recv(timeout=60))
    except ConnectionClosed:
        pass  # the service closes after the program's end


def test_v1(proxy: str) -> None:
    with client("127.0.0.2") as session:
        url = f"http://{proxy}/api/v1/run"
        answer = session.post(url, data={"filename": "a.py", "content": "print(1)"}, timeout=60)
    assert (answer.status_code, answer.text) == (200, "1\n")


def test_a_slow_program(proxy: str) -> None:
    started = time.monotonic()
    with client("127.0.0.2") as session:
        url = f"http://{proxy}/api/v1/run"
        answer = session.post(url, data={"filename": "a.py", "content": SLOW}, timeout=60)
    assert (answer.status_code, answer.text) == (200, "late\n")
    assert time.monotonic() - started > 9


def test_v2(proxy: str) -> None:
    answer = execute(proxy, "print(2)", "127.0.0.3")
    assert (answer.status_code, answer.json()["run"]["stdout"]) == (200, "2\n")


def test_a_large_body_arrives(proxy: str) -> None:
    answer = execute(proxy, "print(3)\n#" + "x" * 9_000_000, "127.0.0.4")
    assert (answer.status_code, answer.json()["run"]["stdout"]) == (200, "3\n")


def test_a_body_that_is_too_large_is_refused_by_the_service(proxy: str) -> None:
    answer = execute(proxy, "#" + "x" * 11_000_000, "127.0.0.4")
    assert answer.status_code == 413
    assert "message" in answer.json()


def test_a_session(proxy: str) -> None:
    with connect(f"ws://{proxy}/api/v2/connect", compression=None) as session:
        files = [{"content": "print(input()[::-1])"}]
        init = {"type": "init", "language": "python", "version": "*", "files": files}
        session.send(json.dumps(init))
        session.send(json.dumps({"type": "data", "stream": "stdin", "data": "abc\n"}))
        messages = list(received(session))
    said = "".join(message["data"] for message in messages if message["type"] == "data")
    assert said == "cba\n"


def test_each_client_is_known_by_its_own_address(proxy: str) -> None:
    for _ in range(6):
        assert execute(proxy, "print()", "127.0.0.5").status_code == 200
    assert execute(proxy, "print()", "127.0.0.5").status_code == 429
    # A forged header changes nothing, and does not count for another client.
    claim = {"X-Forwarded-For": "127.0.0.77"}
    assert execute(proxy, "print()", "127.0.0.5", **claim).status_code == 429
    assert execute(proxy, "print()", "127.0.0.6").status_code == 200


def test_metrics_are_not_for_everyone(proxy: str) -> None:
    assert requests.get(f"http://{proxy}/metrics", timeout=60).status_code == 403


def test_https_needs_only_a_name(tmp_path: Path) -> None:
    """With the authority of Caddy's own that `localhost` has, in place of a public one."""
    need("caddy", "caddy")
    server = Server({"BITRUN_TRUSTED_PROXIES": "127.0.0.1/32"})
    http, https = free_port(), free_port()
    options = f"\thttp_port {http}\n\thttps_port {https}\n\tskip_install_trust\n"
    command = caddy_command(tmp_path, server, "localhost", options)
    authority = tmp_path / "pki" / "authorities" / "local" / "root.crt"
    with subprocess.Popen(command) as process:
        try:
            assert wait_until(lambda: listens(https) and authority.exists(), 20)
            body = {"language": "python", "version": "*", "files": [{"content": "print(6)"}]}
            answer = requests.post(
                f"https://localhost:{https}/api/v2/execute",
                json=body,
                verify=str(authority),
                timeout=60,
            )
            assert (answer.status_code, answer.json()["run"]["stdout"]) == (200, "6\n")
            redirect = requests.get(
                f"http://localhost:{http}/readyz", allow_redirects=False, timeout=60
            )
            assert redirect.is_redirect
            assert redirect.headers["Location"].startswith("https://localhost")
        finally:
            process.terminate()
            server.stop()
