"""Jumps of the wall clock have no effect."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.chaos.conftest import MonitoredServer
from tests.chaos.load import Load
from tests.support.paths import ROOT
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.chaos]

JUMPING = Path(__file__).parent / "jumping_clock"


@pytest.mark.attack("fault", "the wall clock jumps by a day", "no effect")
def test_the_service(
    docker_client: docker.APIClient,
    serve_on: Callable[..., MonitoredServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(JUMPING))
    server = serve_on(docker_client, pool_size=2)
    assert str(JUMPING).encode() in Path(f"/proc/{server.worker}/environ").read_bytes()
    with Load(server, clients=2) as load:
        time.sleep(2)
        assert wait_until(lambda: len(load.answers) >= 6, 30)
    load.check()
    assert os.waitpid(server.process.pid, os.WNOHANG) == (0, 0), "the master still has its worker"


def test_the_supervisor() -> None:
    """It is static, so no preloaded library can change its clock; but it never reads the wall clock."""
    sources = [path.read_text() for path in (ROOT / "images" / "supervisor").glob("*.[ch]")]
    assert sources
    for source in sources:
        # alarm(2) counts by the monotonic clock.
        for word in ("CLOCK_REALTIME", "gettimeofday", "time(NULL", "TFD_TIMER"):
            assert word not in source
