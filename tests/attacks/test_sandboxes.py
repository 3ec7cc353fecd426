"""Attackers with minutes and background processes: hostile programs in a sandbox.

A sandbox is its client's own, to break at will. So these tests are about what others notice, and about
what the service believes.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.piston import run
from tests.support.sandboxes import sandbox
from tests.support.server import Server
from tests.support.waiting import wait_until

FOLDER = Path(__file__).parent / "programs"


@pytest.mark.engine
@pytest.mark.attack(
    "program",
    "a fork bomb in the background of a sandbox",
    "a further command still starts, and can kill it; other runs work; the deletion leaves nothing",
)
def test_a_fork_bomb_in_the_background(server: Server, containers: Callable[[], set[str]]) -> None:
    with sandbox(server) as box:
        box.exec("f() { f | f & }; f >/dev/null 2>&1 &", timeout=2000)
        for _ in range(5):
            assert box.exec("echo here", timeout=60_000)["stdout"] == "here\n"
        assert run(server, "bash", "echo beside")["stdout"] == "beside\n"

        def is_killed() -> bool:
            box.exec("kill -9 -1", timeout=60_000)
            forked: str = box.exec("echo $(echo forked)", timeout=60_000)["stdout"]
            return forked == "forked\n"

        assert wait_until(is_killed, 120)
        assert box.delete().status_code == 200
    assert wait_until(lambda: not containers(), 60)


@pytest.mark.also_engine
@pytest.mark.attack(
    "program",
    "a background process that reaches for the helpers that read and write its files",
    "it gets neither their memory nor their descriptors, and the files arrive",
)
def test_helpers_of_its_own_uid(server: Server) -> None:
    with sandbox(server, language="python") as box:
        box.put("watch.py", (FOLDER / "watch_helpers.py").read_bytes())
        watching: list[str] = []

        def watch() -> None:
            found = box.exec("python3 watch.py", timeout=100_000)
            watching.append(found["stdout"])

        thread = threading.Thread(target=watch)
        thread.start()
        assert wait_until(lambda: box.get("started").status_code == 200, 60)
        for number in range(20):
            content = bytes([number]) * 200_000
            assert box.put("data", content).status_code == 200
            assert box.get("data").content == content
        box.put("stop", b"")
        thread.join()
        (report,) = watching
        assert report.startswith("seen "), report
        assert int(report.split()[1]) > 1  # PID 1, and others


@pytest.mark.also_engine
@pytest.mark.attack(
    "program",
    "a background process that stops and kills whatever it may, while files are read and written",
    "each call answers; nobody else notices; the sandbox can be deleted",
)
def test_a_process_that_kills_helpers(server: Server, containers: Callable[[], set[str]]) -> None:
    killer = """
while true; do
    for each in /proc/[0-9]*; do
        read -r name <$each/comm 2>/dev/null && [ "$name" = supervisor ] && kill -9 ${each#/proc/}
    done
done >/dev/null 2>&1 &
"""
    with sandbox(server) as box:
        box.exec(killer, timeout=5000)
        for number in range(20):
            assert box.put("data", bytes(300_000)).status_code in (200, 409), number
            assert box.get("data").status_code in (200, 404, 400, 409), number
        assert run(server, "bash", "echo beside")["stdout"] == "beside\n"
        assert box.call("GET").json()["status"] == "running"
    assert wait_until(lambda: not containers(), 60)
