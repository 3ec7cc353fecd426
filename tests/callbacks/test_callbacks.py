"""Callbacks on the wire: tries, redirects, signatures, and names whose address changes."""

import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from bitrun.callbacks import callbacks
from bitrun.callbacks.callbacks import Callbacks
from bitrun.config.settings import Settings


class Receiver:
    """A server that answers with the given statuses in turn, then with 200."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.received: list[tuple[str, str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(("PUT", self.path, dict(self.headers), body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/done?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(callbacks, "_PAUSE_SECONDS", 0.01)
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def allowing(**settings: Any) -> Callbacks:
    return Callbacks(Settings(callback_networks=("127.0.0.1/32",), **settings))


def test_a_callback_arrives(receiver: Receiver) -> None:
    assert allowing().put(receiver.url, b'{"a": 1}')
    [(method, path, headers, body)] = receiver.received
    assert (method, path, body) == ("PUT", "/done?x=1", b'{"a": 1}')
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert "X-BitRun-Signature" not in headers


def test_it_is_signed(receiver: Receiver) -> None:
    assert allowing(callback_secret="secret").put(receiver.url, b"body")
    headers = receiver.received[0][2]
    signed = headers["X-BitRun-Timestamp"].encode() + b".body"
    expected = hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert headers["X-BitRun-Signature"] == f"sha256={expected}"


def test_three_tries(receiver: Receiver) -> None:
    receiver.answers = [(500, {}), (503, {})]
    assert allowing().put(receiver.url, b"")
    assert len(receiver.received) == 3
    receiver.answers = [(500, {})] * 5
    assert not allowing().put(receiver.url, b"")
    assert len(receiver.received) == 6


def test_a_redirect_is_followed(receiver: Receiver) -> None:
    receiver.answers = [(307, {"Location": "/other"})]
    assert allowing().put(receiver.url, b"x")
    assert [path for _, path, _, _ in receiver.received] == ["/done?x=1", "/other"]
    receiver.answers = [(302, {"Location": receiver.url})] * 20
    assert not allowing().put(receiver.url, b"x")


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..example", ".example"])
def test_a_host_that_can_be_no_name(host: str) -> None:
    assert not allowing().put(f"http://{host}/", b"x")


def test_a_redirect_that_leads_nowhere(receiver: Receiver) -> None:
    for location in ("http://[", "http://[::1", "//[x]/", f"http://{'a' * 70}.example/"):
        receiver.received.clear()
        receiver.answers = [(307, {"Location": location})]
        assert not allowing().put(receiver.url, b"x")
        assert len(receiver.received) == 1


@pytest.mark.attack(
    "request", "a callback that is redirected to the inside", "refused, whatever it was before"
)
def test_a_redirect_to_the_inside(receiver: Receiver) -> None:
    for location in ("http://127.0.0.2/", "http://169.254.169.254/", "file:///etc/passwd"):
        receiver.received.clear()
        receiver.answers = [(307, {"Location": location})]
        assert not allowing().put(receiver.url, b"x")
        assert len(receiver.received) == 1


@pytest.mark.attack(
    "request",
    "a callback to a name that is looked up with another address later",
    "connected to the address that was checked",
)
def test_a_name_that_changes(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    real, answers = socket.getaddrinfo, ["127.0.0.1", "127.0.0.1", "10.0.0.1"]

    def answer(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host == "rebinding.example":
            return [(2, 1, 6, "", (answers.pop(0), port))]
        assert host in ("127.0.0.1", "localhost"), "the name is looked up once"
        return real(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    url = f"http://rebinding.example:{receiver.port}/"
    assert allowing().put(url, b"x")
    assert answers == ["127.0.0.1", "10.0.0.1"]
    receiver.answers = [(500, {})]
    assert not allowing().put(url, b"x")  # the second try gets the address of the inside
    assert len(receiver.received) == 2
    assert receiver.received[0][2]["Host"] == f"rebinding.example:{receiver.port}"


def test_a_receiver_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(callbacks, "TRY_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not allowing().put(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"x")
    assert not allowing().put("http://127.0.0.1:1/", b"x")


def test_what_is_no_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "_PAUSE_SECONDS", 0.01)

    def babble(server: socket.socket) -> None:
        for _ in range(callbacks.MAX_TRIES):
            connection, _ = server.accept()
            connection.sendall(b"x" * 100_000)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=babble, args=(server,), daemon=True).start()
        assert not allowing().put(f"http://127.0.0.1:{server.getsockname()[1]}/", b"x")


def test_nothing_of_the_inside_by_default(receiver: Receiver) -> None:
    assert not Callbacks(Settings()).put(receiver.url, b"x")
    assert receiver.received == []
