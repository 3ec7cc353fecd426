"""A reload ends no session, however long it lasts."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.piston import request
from tests.support.server import Server
from tests.support.waiting import wait_until
from tools.bench import machine

pytestmark = [pytest.mark.engine, pytest.mark.chaos]


@pytest.mark.attack("fault", "a reload (SIGHUP) during a session", "the session goes on to its end")
def test_a_session_survives_a_reload(serve: Callable[..., Server]) -> None:
    # A stop would wait for 21 s: the session has to outlive that.
    server = serve(v1_timeout=1, session_timeout=60_000)
    workers = set(machine.children(server.process.pid))
    with connect(f"ws://127.0.0.1:{server.port}/api/v2/connect") as session:
        program = "sleep 25; read line; echo $line"
        session.send(json.dumps({"type": "init", **request("bash", program, run_timeout=50_000)}))
        assert json.loads(session.recv(10))["type"] == "runtime"
        os.kill(server.process.pid, signal.SIGHUP)
        assert wait_until(lambda: set(machine.children(server.process.pid)) - workers, 10)
        time.sleep(22)
        session.send(json.dumps({"type": "data", "stream": "stdin", "data": "still here\n"}))
        frames = []
        with suppress(ConnectionClosed):
            while True:
                frames.append(json.loads(session.recv(30)))
    assert {"type": "data", "stream": "stdout", "data": "still here\n"} in frames
    assert frames[-1]["type"] == "exit"
    assert frames[-1]["code"] == 0
    assert session.close_code == 4999
    assert wait_until(lambda: not workers & set(machine.children(server.process.pid)), 30)
