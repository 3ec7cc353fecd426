"""Who is let in: tokens and roles at every door, and where secrets never show up."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bitrun.config.settings import SettingsError
from bitrun.server import listeners
from tests.support.fork_server import ForkServer
from tests.support.piston import call, message, package, request, write_catalogue
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN, make
from tests.support.waiting import read_stderr_until, wait_until
from tools.bench import machine

MISSING = "A token is needed, as: Authorization: Bearer <token>"
UNKNOWN = "The service knows no such token: it is mistyped, or no longer valid"
NO_OPERATOR = (
    "Without tokens packages are changed on the service's machine only, by bitrun packages, or with "
    "the address of the service as the header Origin"
)
NO_ADMIN = "Packages are changed with an admin's token, and this call has none"
WRONG = [
    None, "Bearer third", "Bearer", f"Basic {RUN}", "Bearer é", "third", "", RUN[:-1],
    f"Bearer {RUN}x", f"Bearer {RUN} {RUN}", f"Bearer {'x' * 8000}",
]  # fmt: skip
EXECUTE = ("POST", "/api/v2/execute", request("bash", "echo 1"))
V1 = ("POST", "/api/v1/run", {"filename": "a.sh", "content": "echo 1"})
NOTHING = {"language": "nothing", "version": "*"}
CHANGES = [("POST", "/api/v2/packages", NOTHING), ("DELETE", "/api/v2/packages", NOTHING)]


def send(server: Server, token: str | None, method: str, path: str, body: Any) -> requests.Response:
    headers = {} if token is None else {"Authorization": token.encode()}
    return call(server, method, path, body, headers=headers)


@pytest.mark.also_engine
@pytest.mark.attack("request", "no token, a wrong one or half of one", "401, in v1 its own refusal")
def test_nothing_runs_without_a_token(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=RUN, admin_tokens=ADMIN)
    for method, path, body in (EXECUTE, *CHANGES):
        for prefix in ("/api/v2", "/api/v2/piston"):
            for token in WRONG:
                reply = send(server, token, method, path.replace("/api/v2", prefix), body)
                expected = UNKNOWN if (token or "").removeprefix("Bearer").strip() else MISSING
                assert (reply.status_code, message(reply)) == (401, expected)
                assert reply.headers["WWW-Authenticate"] == "Bearer"
    for token in WRONG:
        reply = send(server, token, *V1)
        assert (reply.status_code, reply.json()) == (400, {"error": "Api token is invalid"})
        headers = {} if token is None else {"Authorization": token}
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"ws://127.0.0.1:{server.port}/api/v2/connect", additional_headers=headers),
        ):
            pass
        assert refused.value.response.status_code == 401
    for path in ("/api/v2/runtimes", "/api/v2/packages", "/api/v1/config"):
        assert server.get(path).status_code == 200


@pytest.mark.also_engine
@pytest.mark.attack("request", "packages changed with a token that may only run", "403")
def test_a_run_token_changes_no_package(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=RUN, admin_tokens=ADMIN)
    assert send(server, RUN, *EXECUTE).json()["run"]["stdout"] == "1\n"
    assert send(server, f"bearer {ADMIN}", *V1).text == "1\n"
    for change in CHANGES:
        reply = send(server, f"Bearer {RUN}", *change)
        assert (reply.status_code, message(reply)) == (403, NO_ADMIN)
        reply = send(server, f"Bearer {ADMIN}", *change)
        assert (reply.status_code, message(reply)) == (
            404,
            "Requested package nothing-* does not exist",
        )


def test_who_changes_packages_where_there_is_no_token(serve: Callable[..., Server]) -> None:
    for settings, status in (({}, 404), ({"let_anyone_run_code": "true"}, 403)):
        server = serve(**settings)
        assert send(server, None, *EXECUTE).status_code == 200
        assert [send(server, None, *change).status_code for change in CHANGES] == [status, status]


def test_a_proxys_clients_are_no_admins(serve: Callable[..., Server]) -> None:
    server = serve()
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"):
        reply = requests.post(
            f"{server.url}/api/v2/packages",
            json={"language": "nothing", "version": "*"},
            headers={header: "192.0.2.1"},
            timeout=60,
        )
        assert (reply.status_code, message(reply)) == (403, NO_OPERATOR)


@pytest.mark.attack("request", "a service open to the network without a token", "does not start")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"host": "0.0.0.0"}, "Without a token BitRun listens on loopback only, and 0.0.0.0 can"),
        ({"host": "::"}, "Without a token BitRun listens on loopback only, and :: can"),
        ({"arguments": "--bind 0.0.0.0:0"}, "Without a token BitRun listens on loopback only"),
        ({"api_tokens": "short-secret"}, "BITRUN_API_TOKENS: a token has at least 20 characters"),
        ({"api_tokens_file": "/nowhere"}, "BITRUN_API_TOKENS_FILE: /nowhere can't be read"),
    ],
)
def test_what_does_not_start(
    forks: ForkServer, tmp_path: Path, settings: dict[str, str], text: str
) -> None:
    settings = {"port": str(free_port()), "pool_size": "0"} | settings
    arguments = settings.pop("arguments", "").split()
    log = tmp_path / "log"
    with log.open("w") as stderr:
        process = forks.start(
            "gunicorn.app.wsgiapp:run",
            ["gunicorn", "app:app", *arguments],
            dict(os.environ) | {f"BITRUN_{name.upper()}": each for name, each in settings.items()},
            streams=(None, 1, stderr.fileno()),
        )
        assert process.wait(timeout=20) == 1
    said = log.read_text()
    assert text in said
    assert "Traceback" not in said
    assert "short-secret" not in said
    assert "Listening" not in said


def test_a_port_in_use(forks: ForkServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = forks.start(
            "gunicorn.app.wsgiapp:run",
            ["gunicorn", "app:app"],
            dict(os.environ) | {"BITRUN_PORT": str(port), "BITRUN_POOL_SIZE": "0"},
            streams=(None, 1, stderr.fileno()),
        )
        assert process.wait(timeout=20) == 1
    *started, said = log.read_text().splitlines()
    assert len(started) == 1  # gunicorn's version
    assert said.startswith(
        f"BitRun can't listen on port {port} of 127.0.0.1: Address already in use"
    )
    assert "Stop the program that listens there" in said
    assert "bitrun serve --port" in said


def test_an_address_of_another_machine_is_refused() -> None:
    server = SimpleNamespace(cfg=SimpleNamespace(address=[("203.0.113.1", 1)]))
    with pytest.raises(SettingsError, match="BITRUN_HOST is an address of this machine"):
        listeners.open_listeners(server)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "There is no API token, so this listens on loopback only"),
        ({"host": "localhost"}, "There is no API token, so this listens on loopback only"),
        ({"host": "0.0.0.0", "api_tokens": RUN}, "Listening at: http://0.0.0.0"),
        ({"host": "0.0.0.0", "let_anyone_run_code": "true"}, "anyone who can connect can run code"),
    ],
)
def test_what_starts_and_says_so(
    serve: Callable[..., Server],
    capfd: pytest.CaptureFixture[str],
    settings: dict[str, str],
    text: str,
) -> None:
    server = serve(**settings)
    assert server.get("/").status_code == 200
    server.stop()
    said = capfd.readouterr().err
    assert text in said
    assert RUN not in said


def serve_alice(serve: Callable[..., Server], file: Path, **settings: str) -> tuple[Server, str]:
    """Serve with a token in a file, and see it used; so the worker has read it."""
    token, line = make("alice")
    file.write_text(line)
    server = serve(api_tokens_file=file, **settings)
    assert send(server, token, *EXECUTE).status_code == 200
    return server, token


def test_tokens_are_exchanged_without_a_restart(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    server, old = serve_alice(serve, file)
    new, new_line = make("alice")
    file.write_text(new_line)
    os.kill(server.process.pid, signal.SIGHUP)
    assert wait_until(lambda: send(server, new, *EXECUTE).status_code == 200, 10)
    assert wait_until(lambda: send(server, old, *EXECUTE).status_code == 401, 10)


@pytest.mark.parametrize("content", ["alice run sha256:short\n", ""])
def test_a_reload_of_what_is_not_sound_changes_nothing(
    serve: Callable[..., Server],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    content: str,
) -> None:
    file = tmp_path / "tokens"
    server, token = serve_alice(serve, file, host="0.0.0.0")
    workers = machine.children(server.process.pid)
    file.write_text(content)
    os.kill(server.process.pid, signal.SIGHUP)
    read_stderr_until(capfd, "is invalid and not loaded", 10)
    assert send(server, token, *EXECUTE).status_code == 200
    assert machine.children(server.process.pid) == workers
    file.write_text(make("bob")[1])
    os.kill(server.process.pid, signal.SIGHUP)
    assert wait_until(lambda: send(server, token, *EXECUTE).status_code == 401, 10)


@pytest.mark.parametrize("content", ["alice run sha256:short\n", ""])
def test_a_worker_that_dies_meanwhile_comes_back_as_it_was(
    serve: Callable[..., Server], tmp_path: Path, content: str
) -> None:
    """While its tokens are being edited, that is: what has not been checked is not served."""
    file = tmp_path / "tokens"
    server, token = serve_alice(serve, file)
    file.write_text(content)
    (worker,) = machine.children(server.process.pid)
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: machine.children(server.process.pid) not in ([], [worker]), 10)
    assert send(server, token, *EXECUTE).status_code == 200


SPY = "env; cat /proc/*/environ /proc/*/cmdline; set"


@pytest.mark.also_engine
@pytest.mark.attack(
    "request", "secrets looked for wherever they might show", "in no log, no answer, no program"
)
def test_secrets_show_up_nowhere(
    serve: Callable[..., Server], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell, torn = package("bash", "bash", extensions=["sh"]), package("torn", "nothing")
    catalogue = write_catalogue(tmp_path, shell, torn)
    server = serve(api_tokens=RUN, admin_tokens=ADMIN, languages=catalogue, images=tmp_path)
    secrets = (RUN, ADMIN)
    seen = []
    for secret in secrets:
        seen.append(send(server, secret, "POST", "/api/v2/execute", request("bash", SPY)))
        for token in (secret, f"Bearer {secret}", f"Basic {secret}"):
            for method, path, body in (
                ("POST", "/api/v2/execute", b"{"),
                ("POST", "/api/v2/nothing", {}),
                ("GET", "/api/v2/execute", None),
                ("POST", "/api/v2/packages", {"language": "torn", "version": "*"}),
                ("DELETE", "/api/v2/packages", {"language": "torn", "version": "*"}),
                ("POST", "/api/v1/run", {"filename": "a.sh"}),
            ):
                seen.append(send(server, token, method, path, body))
        query = f"api_token={secret}&filename=a.sh&content=x"
        seen += [
            call(server, "POST", f"/api/v1/run?{query}", data={"content": ""}),
            call(server, "POST", f"/api/v1/nothing?{query}"),
            call(server, "GET", f"/api/v1/run?{query}"),
            server.run(filename="a.sh", content=SPY, api_token=secret),
        ]
        assert "PATH=" in seen[-1].text
        broken = [
            f"GET /?{query} HTTP/9.9\r\n\r\n",
            f"GET /\x01?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {secret}\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\x01\r\n\r\n",
            f"GET / HTTP/1.1\r\nHost: localhost\r\nA: {secret}\r\n folded: {secret}\r\n\r\n",
            f"{secret} / HTTP/1.1\r\n\r\n",
            f"{secret}\r\n\r\n",
            f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {secret}\r\n\r\n",
            f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {secret}\r\n\r\n",
            f"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: {secret}\r\n\r\n",
            f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{secret}\r\n",
        ]
        for text in broken:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(text.encode())
                reply = client.makefile("rb").read().decode()
            assert reply.startswith("HTTP/1.1 4")
            assert secret not in reply
    time.sleep(0.3)
    server.process.terminate()
    server.process.wait(timeout=30)
    log = capfd.readouterr()
    for secret in secrets:
        for place in (log.err, log.out, *(reply.text for reply in seen)):
            assert secret not in place
        for answer in seen:
            assert secret not in str(answer.headers)
