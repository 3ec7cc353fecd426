"""The kernels of the package `jupyter`, in real boxes; its build takes minutes the first time."""

import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from jupyter_client.manager import start_new_kernel

from bitrun.client import CellOutcome, Client
from tests.support.needs import need_package
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(3600)]

ROUNDS = 30
FIRST_CELL_SECONDS = 0.15
OVER_HOST_SECONDS = 0.015

PLOT = "import matplotlib.pyplot as plt; plt.plot([1, 3]); plt.show()"
PNG = b"\x89PNG"


@pytest.fixture
def service(serve: Callable[..., Server]) -> Server:
    need_package("jupyter")
    return serve(warm_kernels="jupyter=1")


@pytest.fixture
def client(service: Server) -> Iterator[Client]:
    with Client(service.url) as client:
        yield client


def wait_for_a_warm_one(service: Server) -> None:
    def is_there() -> bool:
        return "\nbitrun_warm_kernels 1.0\n" in service.get("/metrics").text

    assert wait_until(is_there, 300)


def test_every_kernel(client: Client) -> None:
    with client.sandbox(package="jupyter") as box:
        python = box.run_cell(f"a = 41\n{PLOT}\nprint(a); a + 1", timeout=100)
        assert (python.stdout, python.text) == ("41\n", "42")
        assert (python.results[0].png or b"").startswith(PNG)
        assert box.run_cell("!echo $((a + 1)) > file; cat file; id -un").stdout == "1\r\nuser\r\n"
        assert box.exec("cat file").stdout == "1\n"
        r = box.run_cell("x <- c(1, 2, 3)\nplot(x)\nmean(x)", kernel="R", timeout=100)
        assert r.ok, r
        assert any((each.png or b"").startswith(PNG) for each in r.results)
        assert "[1] 2" in [each.text for each in r.results]
        bash = box.run_cell("b=5; ls none", kernel="bash", timeout=100)
        assert bash.outcome is CellOutcome.ERROR
        assert box.run_cell("echo $b", kernel="bash").stdout == "5\n"
        deno = box.run_cell(
            "const x: number = 41; console.log('on'); x + 1", kernel="deno", timeout=100
        )
        assert deno.stdout == "on\n"
        assert "42" in (deno.text or "")
        # Deno's kernel ends at an interrupt.
        stuck = box.run_cell("while (true) {}", kernel="deno", timeout=0.5)
        assert stuck.outcome is CellOutcome.DIED
        assert box.run_cell("typeof x", kernel="deno", timeout=100).ok


def test_memory_ends_the_kernel_and_not_the_sandbox(client: Client) -> None:
    with client.sandbox(package="jupyter") as box:
        died = box.run_cell("b = bytearray(2_000_000_000); b[::4096] = b[::4096]", timeout=100)
        assert died.outcome is CellOutcome.DIED or died.error is not None, died
        assert box.run_cell("1 + 1", timeout=100).text == "2"


def test_a_first_cell_and_a_later_one(service: Server, client: Client) -> None:
    first = []
    for _ in range(5):
        wait_for_a_warm_one(service)
        with client.sandbox(package="jupyter") as box:
            started = time.perf_counter()
            assert box.run_cell("1 + 1").text == "2"
            first.append(time.perf_counter() - started)
            later = [seconds(lambda: box.run_cell("1 + 1")) for _ in range(ROUNDS)]
    manager, kernel = start_new_kernel()
    try:
        host = [seconds(lambda: kernel.execute("1 + 1", reply=True)) for _ in range(ROUNDS)]
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
    assert statistics.median(first) < FIRST_CELL_SECONDS, first
    assert statistics.median(later) - statistics.median(host) < OVER_HOST_SECONDS, (later, host)


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
