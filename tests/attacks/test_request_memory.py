"""Requests that are made to take memory: a service of 512 MB survives eight of each at once."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.support.paths import ROOT
from tests.support.piston import request
from tests.support.server import Process, Server
from tests.support.tokens import RUN
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

LIMIT = 512 * 1024 * 1024
SIZE = 9_900_000
AT_ONCE = 8
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Attack:
    name: str
    path: str
    kind: str
    make: Callable[[], bytes]
    has_token: bool
    statuses: tuple[int, ...]


def multipart(parts: int) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    return part * parts + b"--x--\r\n"


def as_json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def batch(code: str, runs: list[Any], **fields: Any) -> bytes:
    return as_json(**request("python", code, runs=runs, **fields))


WIDE = "\N{GRINNING FACE}" + "x" * (SIZE - 200)  # text of four bytes a character in memory
FLOOD = "import os\nfor _ in range(128): os.write(1, b'o' * 65536); os.write(2, b'e' * 65536)"
# As much as is sent, in bytes and in text of four bytes a character.
FILES = "open('b', 'wb').truncate(16 << 20)\nopen('t', 'w').write(chr(128512) * (4 << 20))"
EXECUTE, V1 = "/api/v2/execute", "/api/v1/run"
BATCH = f"{EXECUTE}/batch"
ATTACKS = [
    Attack("v1 escapes without a token", V1, FORM, lambda: b"content=" + b"%41" * (SIZE // 3), False, (400,)),
    Attack("v1 fields without a token", V1, FORM, lambda: b"a=&" * (SIZE // 3), False, (400,)),
    Attack("v1 JSON without a token", V1, JSON, lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]", False, (400,)),
    Attack("v1 parts without a token", V1, "multipart/form-data; boundary=x", lambda: multipart(SIZE // 60), False, (400,)),
    Attack("a form of millions of fields without a token", EXECUTE, FORM, lambda: b"&=" * (SIZE // 2), False, (401,)),
    Attack("JSON without a token", EXECUTE, JSON, lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]", False, (401,)),
    Attack("a call of a tool without a token", "/mcp", JSON, lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]", False, (401,)),
    Attack("v1 escapes", V1, FORM, lambda: b"filename=a.sh&content=%3A" + b"%41" * (SIZE // 3 - 20), True, (200, 400, 503)),
    Attack("v1 fields", V1, FORM, lambda: b"a=&" * (SIZE // 3), True, (400, 503)),
    Attack("v1 parts", V1, "multipart/form-data; boundary=x", lambda: multipart(SIZE // 60), True, (400, 413, 503)),
    Attack("v1 wide text", V1, JSON, lambda: as_json(filename="a.sh", content=": " + WIDE), True, (200, 400, 503)),
    Attack("a form of millions of fields", EXECUTE, FORM, lambda: b"timeout=1" + b"&=" * (SIZE // 2 - 8), True, (400, 503)),
    Attack("JSON of small objects", EXECUTE, JSON, lambda: b'{"files": [' + b"{}," * (SIZE // 3 - 9) + b"{}]}", True, (400, 503)),
    Attack("JSON of wide text", EXECUTE, JSON, lambda: as_json(**request("bash", ": " + WIDE)), True, (200, 400, 503)),
    Attack("wide stdin of a program that sleeps", EXECUTE, JSON, lambda: as_json(**request("bash", "sleep 1", stdin=WIDE)), True, (200, 503)),
    Attack("the largest output on both streams", EXECUTE, JSON, lambda: as_json(**request("python", FLOOD, run_output_limit=-1)), True, (200, 503)),
    Attack("the largest files sent back", EXECUTE, JSON, lambda: as_json(**request("python", FILES, output_files=["*"])), True, (200, 503)),
    Attack("a batch of the largest files", BATCH, JSON, lambda: batch(FILES, [{}] * 2, output_files=["*"]), True, (200, 503)),
    Attack("a batch of the largest outputs", BATCH, JSON, lambda: batch(FLOOD, [{}] * 12, run_output_limit=-1), True, (200, 503)),
    Attack("a batch with wide stdin for all", BATCH, JSON, lambda: batch("", [{}] * 12, stdin=WIDE), True, (200, 503)),
    Attack("a batch with wide text in each run", BATCH, JSON, lambda: batch("", [{"expected_output": WIDE[:SIZE // 12]}] * 12), True, (200, 503)),
    Attack("deep JSON", EXECUTE, JSON, lambda: b"[" * SIZE, True, (400, 503)),
    Attack("a call of a tool of small objects", "/mcp", JSON, lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]", True, (400, 503)),
    Attack("a call of a tool with wide text", "/mcp", JSON, lambda: as_json(
        jsonrpc="2.0", id=1, method="tools/call",
        params={"name": "run_code", "arguments": {"language": "bash", "code": ": " + WIDE}},
    ), True, (200, 400, 503)),
]  # fmt: skip
# Each like another one, sent another way: only with the slow tests, and by `make attacks`.
VARIANTS = {
    "v1 fields without a token",
    "v1 JSON without a token",
    "v1 parts without a token",
    "a form of millions of fields without a token",
    "a call of a tool without a token",
    "v1 fields",
    "v1 wide text",
    "a form of millions of fields",
    "wide stdin of a program that sleeps",
    "a batch of the largest outputs",
    "a batch with wide stdin for all",
    "a call of a tool of small objects",
}


class SmallServer(Server):
    """A service with tokens, in a memory cgroup."""

    def __init__(self, group: MemoryCgroup) -> None:
        self.group = group

        def start(environment: dict[str, str]) -> Process:
            return subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "app:app"],
                cwd=ROOT,
                env=environment,
                start_new_session=True,
                preexec_fn=group.join,  # noqa: PLW1509  no thread of ours holds a lock yet
            )

        super().__init__({"BITRUN_API_TOKENS": RUN}, start)

    def worker(self) -> str:
        """Return the process ids of the group: a worker that was killed is replaced by another."""
        return (self.group.folder / "cgroup.procs").read_text()


@pytest.fixture(scope="module")
def small_server() -> Iterator[SmallServer]:
    with memory_cgroup(LIMIT) as group:
        server = SmallServer(group)
        try:
            honest(server)
            yield server
        finally:
            server.stop()
            wait_until(lambda: not server.worker(), 5)


def send(server: Server, attack: Attack, body: bytes) -> int:
    headers = {"Content-Type": attack.kind, "Accept": "application/json, text/event-stream"}
    if attack.has_token:
        headers["Authorization"] = f"Bearer {RUN}"
    reply = requests.post(server.url + attack.path, data=body, headers=headers, timeout=100)
    return reply.status_code


def honest(server: Server) -> None:
    """Run a small program; the budget may be taken by others, and then it is tried again."""
    headers = {"Authorization": f"Bearer {RUN}"}
    body = request("bash", "echo honest")

    def succeeds() -> bool:
        reply = requests.post(server.url + EXECUTE, json=body, headers=headers, timeout=100)
        if reply.status_code == 503:
            assert "Retry-After" in reply.headers
            return False
        assert reply.json()["run"]["stdout"] == "honest\n"
        return True

    assert wait_until(succeeds, 60)


def marked(attack: Attack) -> Any:
    marks = [
        pytest.mark.attack(
            "request", f"{attack.name}, 10 MB, eight at once", "bounded memory, others are served"
        )
    ]
    if attack.name in VARIANTS:
        marks.append(pytest.mark.chaos)
    return pytest.param(attack, id=attack.name, marks=marks)


@pytest.mark.parametrize("attack", [marked(each) for each in ATTACKS])
def test_memory_is_bounded(small_server: SmallServer, attack: Attack) -> None:
    processes, kills = small_server.worker(), small_server.group.kills
    body = attack.make()
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        statuses = [pool.submit(send, small_server, attack, body) for _ in range(AT_ONCE)]
        pool.submit(honest, small_server).result()
        assert {status.result() for status in statuses} <= set(attack.statuses)
    honest(small_server)
    assert small_server.group.kills == kills
    assert small_server.worker() == processes


@pytest.mark.attack(
    "request",
    "WebSocket messages of wide text, 10 MB, eight at once",
    "bounded memory, others are served",
)
@pytest.mark.parametrize("size", [SIZE // 4, 2_400_000])
def test_memory_of_sessions_is_bounded(small_server: SmallServer, size: int) -> None:
    processes, kills = small_server.worker(), small_server.group.kills
    body = json.dumps(
        {"type": "init", **request("bash", ": " + "\N{GRINNING FACE}" * size)}, ensure_ascii=False
    )
    url = small_server.url.replace("http", "ws") + "/api/v2/connect"
    closed: list[int] = []
    lock = threading.Lock()

    def session() -> None:
        headers = {"Authorization": f"Bearer {RUN}"}
        with connect(url, additional_headers=headers, compression=None) as websocket:
            try:
                websocket.send(body)
                for _ in websocket:
                    pass
            except ConnectionClosed:
                pass
        with lock:
            closed.append(websocket.close_code or 0)

    threads = [threading.Thread(target=session) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    honest(small_server)
    for thread in threads:
        thread.join(60)
    # Completed, an error (too large for its box), too large a message, or try again later; a slow
    # one may miss the second in which it has to come.
    assert len(closed) == AT_ONCE
    assert set(closed) <= {4999, 4001, 4002, 1009, 1013}
    assert small_server.group.kills == kills
    assert small_server.worker() == processes


def test_what_the_service_took(small_server: SmallServer) -> None:
    """After all of the above: the worker was never near its limit of 512 MB."""
    assert small_server.group.peak < LIMIT
