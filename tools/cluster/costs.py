"""What a run costs those that all nodes share: `python -m tools.cluster.costs`.

HAProxy has the configuration of the stack, and stands in front of nodes that answer at once; a
Redis server is asked by the service's own code. Prints a Markdown table.
"""

import http.client
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitrun.access.at_once import ConcurrencyLimit
from bitrun.access.leases import LeasedLimit
from bitrun.access.rate_limits import RateLimits
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.config.settings import Settings
from tests.support.haproxy import Front
from tests.support.ports import free_port, listens
from tests.support.redis import Redis
from tests.support.waiting import wait_until
from tools.vm.image import install_programs

_RUNS = 3000
_ROUNDS = 3
_NODES = 3
_START_SECONDS = 20.0
_BODY = '{"language": "python", "version": "*", "files": [{"content": "print(6 * 7)"}]}'
_HEADERS = {"Authorization": "Bearer " + "x" * 50, "Content-Type": "application/json"}
# A node is one, too: it costs nearly nothing, and answers with the bytes of a short run.
_NODE = """\
defaults
    mode http
    timeout client 60s
    timeout connect 2s
    timeout server 60s
frontend node
    bind 127.0.0.1:{port}
    http-request return status 200 content-type application/json string "{body}"
"""


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of processor time of one run."""

    kept: float  # of HAProxy, on a connection that is kept
    new: float  # on a new one
    redis: float  # for a rate and a place at once

    def lines(self) -> list[str]:
        """Return a Markdown table."""
        return [
            "| of each run | processor time |",
            "|---|---|",
            f"| HAProxy, on a connection that is kept | {self.kept:.2f} ms |",
            f"| HAProxy, on a new connection | {self.new:.2f} ms |",
            f"| Redis, for a rate and a place at once | {self.redis:.2f} ms |",
        ]


def measure() -> Costs:
    with tempfile.TemporaryDirectory(prefix="bitrun-costs-") as name, _node(Path(name)) as port:
        front = Front(Path(name), [port] * _NODES, {})
        with front.running(subprocess.DEVNULL) as pid:
            trust = ssl.create_default_context(cafile=str(front.certificate))
            _run_until_it_works(front.https, trust)
            kept = _cpu_ms(pid, lambda: _ask_on_one(front.https, trust))
            new = _cpu_ms(pid, lambda: _ask_on_many(front.https, trust))
        server = Redis(Path(name))
        try:
            counted = _cpu_ms(server.process.pid, lambda: _count(server.url))
        finally:
            server.stop()
    return Costs(kept, new, counted)


@contextmanager
def _node(folder: Path) -> Iterator[int]:
    port = free_port()
    path = folder / "node.cfg"
    body = "{" + "x" * 300 + "}"
    path.write_text(_NODE.format(port=port, body=body))
    with subprocess.Popen(["haproxy", "-db", "-f", path]) as process:
        try:
            wait_until(lambda: listens(port), _START_SECONDS)
            yield port
        finally:
            process.terminate()


def _cpu_ms(pid: int, ask: Callable[[], None]) -> float:
    """Return the processor time of a process for each run, the least of all rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        before = _cpu_seconds(pid)
        ask()
        rounds.append((_cpu_seconds(pid) - before) / _RUNS * 1000)
    return min(rounds)


def _cpu_seconds(pid: int) -> float:
    """Return what its threads that live have used, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _run_until_it_works(port: int, trust: ssl.SSLContext) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _post(http.client.HTTPSConnection("127.0.0.1", port, context=trust))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _ask_on_one(port: int, trust: ssl.SSLContext) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust)
    for _ in range(_RUNS):
        _post(connection)
    connection.close()


def _ask_on_many(port: int, trust: ssl.SSLContext) -> None:
    for _ in range(_RUNS):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust)
        _post(connection)
        connection.close()


def _post(connection: http.client.HTTPSConnection) -> None:
    connection.request("POST", "/api/v2/execute", _BODY, _HEADERS)
    reply = connection.getresponse()
    reply.read()
    if reply.status != http.client.OK:
        raise OSError(f"{reply.status} {reply.reason}")


def _count(url: str) -> None:
    settings = Settings(rate_limit="1000000/minute")
    redis = SharedRedis(url)
    places = LeasedLimit(redis, 40, ConcurrencyLimit(40), "runs")
    limits = RateLimits(settings, places, redis)
    for _ in range(_RUNS):
        with limits.admit("token alice"):
            pass
    redis.close()


if __name__ == "__main__":
    install_programs({"haproxy": ("haproxy",)})
    print(*measure().lines(), sep="\n")
