"""The life of the egress proxy: gates are opened and closed, and a proxy that ends is replaced."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitrun.config.catalogue import EGRESS_IMAGE
from bitrun.engine.engine import Engine
from bitrun.model.allow_list import AllowList
from bitrun.model.errors import EgressUnavailable
from bitrun.model.job import Limits, Stage
from bitrun.sandbox.egress import proxy as module
from bitrun.sandbox.egress.proxy import EgressProxy
from tests.support.fake_engine import Container, FakeEngine, Running, refused, unavailable
from tests.support.waiting import wait_until

ALLOWED = AllowList.parse(["pypi.org", "10.0.0.0/8"])
PATTERNS = ("pypi.org:443", "*.example.org:80")


class Squid:
    """A container of the proxy: notes the lines that it gets, and opens every gate."""

    def __init__(self, container: Container, attached: socket.socket) -> None:
        self.pid = 1
        self.container = container
        self.lines: list[str] = []
        self.opens = True
        self._attached = attached
        self._ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._attached.makefile("r") as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))
                match line.split():
                    case ["open", gate, *_] if self.opens:
                        self.say(f"opened /bitrun/egress/service/{gate}\n")
        self.kill()

    def say(self, text: str) -> None:
        data = text.encode()
        self._attached.sendall(b"\1\0\0\0" + len(data).to_bytes(4) + data)

    def wait(self) -> int:
        self._ended.wait()
        return 0

    def kill(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._attached.shutdown(socket.SHUT_RDWR)
            self._attached.close()


class Squids:
    def __init__(self) -> None:
        self.started: list[Squid] = []

    def start(self, container: Container, attached: socket.socket) -> Running:
        self.started.append(Squid(container, attached))
        return self.started[-1]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)


@pytest.fixture
def squids() -> Squids:
    return Squids()


@pytest.fixture
def engine(squids: Squids) -> FakeEngine:
    engine = FakeEngine(squids)
    engine.add_image(EGRESS_IMAGE)
    return engine


@pytest.fixture
def make(engine: Engine) -> Iterator[Callable[..., EgressProxy]]:
    made = []

    def make(allowed: AllowList = ALLOWED, ca_bundle: Path | None = None) -> EgressProxy:
        made.append(EgressProxy(engine, "service", allowed, ca_bundle))
        made[-1].start()
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def test_a_gate_is_opened_and_closed(make: Callable[..., EgressProxy], squids: Squids) -> None:
    proxy = make()
    passage = proxy.admit(20_001, PATTERNS)
    other = proxy.admit(20_002, PATTERNS)
    (squid,) = squids.started
    assert passage.address != other.address
    assert passage.gate != other.gate
    line = f"open {passage.gate} 20001 {passage.address} pypi.org:443 *.example.org:80"
    assert line in squid.lines
    proxy.withdraw(passage)
    proxy.withdraw(passage)
    assert wait_until(lambda: f"close {passage.gate} {passage.address}" in squid.lines, 20)
    assert squid.lines.index("start") < squid.lines.index(line)
    assert sum(line.startswith("close") for line in squid.lines) == 1


def test_the_container_is_confined(make: Callable[..., EgressProxy], squids: Squids) -> None:
    make().admit(20_001, PATTERNS)
    host = squids.started[0].container.host
    assert host["read_only"]
    assert host["cap_drop"] == ["ALL"]
    assert host["security_opt"] == ["no-new-privileges"]
    assert host["mem_limit"] == host["memswap_limit"]
    assert host["binds"] == {"bitrun-egress": {"bind": "/bitrun/egress", "mode": "rw"}}
    assert squids.started[0].container.labels == {
        "bitrun.role": "egress",
        "bitrun.instance": "service",
    }


def test_one_that_ends_is_replaced(
    make: Callable[..., EgressProxy], squids: Squids, engine: FakeEngine
) -> None:
    proxy = make()
    living, gone = proxy.admit(20_001, PATTERNS), proxy.admit(20_002, PATTERNS)
    proxy.withdraw(gone)
    first = squids.started[0]
    first.kill()
    assert wait_until(lambda: len(squids.started) == 2 and proxy.is_running, 20)
    # The new one has the gates of the boxes that live, and only those.
    assert wait_until(lambda: any(living.gate in line for line in squids.started[1].lines), 20)
    assert not any(gone.gate in line for line in squids.started[1].lines)
    proxy.admit(20_003, PATTERNS)
    assert proxy.starts == 2
    assert first.container.id not in engine.containers


def test_without_a_list_nothing_runs(make: Callable[..., EgressProxy], squids: Squids) -> None:
    proxy = make(AllowList())
    assert not proxy.is_running
    assert squids.started == []


@pytest.mark.parametrize(
    ("fault", "problem"),
    [(unavailable, "does not start: The Docker engine"), (refused, "does not start: a fault")],
)
def test_one_that_does_not_start(
    make: Callable[..., EgressProxy],
    engine: FakeEngine,
    fault: Callable[[], None],
    problem: str,
) -> None:
    engine.faults["start_container"] = fault
    proxy = make()
    with pytest.raises(EgressUnavailable, match=problem):
        proxy.admit(20_001, PATTERNS)
    assert wait_until(lambda: not engine.containers, 20)
    del engine.faults["start_container"]
    assert wait_until(lambda: proxy.is_running, 20)
    proxy.admit(20_001, PATTERNS)


def test_one_that_is_not_installed(
    make: Callable[..., EgressProxy], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is refused at once, not after the time that a replacement may take."""
    monkeypatch.setattr(module, "_OPEN_TIMEOUT", 600)
    engine.remove_image(EGRESS_IMAGE, force=True)
    with pytest.raises(EgressUnavailable, match=r"is not installed\. Run: bitrun install"):
        make().admit(20_001, PATTERNS)


def test_a_gate_that_does_not_open(
    make: Callable[..., EgressProxy], squids: Squids, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = make()
    proxy.admit(20_001, PATTERNS)
    monkeypatch.setattr(module, "_OPEN_TIMEOUT", 0.1)
    squids.started[0].opens = False
    with pytest.raises(EgressUnavailable):
        proxy.admit(20_002, PATTERNS)
    assert wait_until(lambda: squids.started[0].lines[-1].startswith("close"), 20)


def test_it_gets_certificates(
    make: Callable[..., EgressProxy], squids: Squids, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")
    make(ca_bundle=bundle).admit(20_001, PATTERNS)
    text = "\n".join(squids.started[0].lines)
    assert f"put ca-bundle.pem\n{bundle.read_text()}.\nstart" in text
    assert "put site.conf\nacl private dst " in text


def test_requests_are_counted(make: Callable[..., EgressProxy], squids: Squids) -> None:
    proxy = make()
    proxy.admit(20_001, PATTERNS)
    for line in (
        "TCP_TUNNEL 200 CONNECT pypi.org:443",
        "TCP_MISS 404 GET pypi.org:80",
        "TCP_DENIED 403 CONNECT example.com:443",
        "NONE_NONE 503 CONNECT pypi.org:443",
        "something else",
    ):
        squids.started[0].say(f"{line}\n")
    assert wait_until(lambda: proxy.requests == {"allowed": 2, "denied": 1, "failed": 1}, 20)


def test_a_stage_finds_the_proxy(make: Callable[..., EgressProxy]) -> None:
    passage = make().admit(20_001, PATTERNS)
    limits = Limits(1, 1, 1, 1, 1, 1)
    online = passage.online(
        Stage("run", ("pip", "list"), {"HTTP_PROXY": "own", "PATH": "/bin"}, limits)
    )
    gate = f"/bitrun/egress/service/{passage.gate}"
    assert online.argv == ("/bitrun/online", gate, "pip", "list")
    assert online.env["https_proxy"] == "http://127.0.0.1:3128"
    assert online.env["PIP_CERT"] == "/bitrun/egress/service/ca-bundle.pem"
    assert online.env["HTTP_PROXY"] == "own"
    assert online.env["PATH"] == "/bin:/tmp/.local/bin"
