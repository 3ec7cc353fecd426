"""The terminal of a sandbox, over a WebSocket."""

import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bitrun.execution.sandboxes.sandbox import MAX_LASTING
from tests.support.sandboxes import PREFIX, HttpSandbox, create, sandbox
from tests.support.scale import scaled
from tests.support.server import Server
from tests.support.services import Services
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

ALICE, BOB = "alice-has-a-long-token", "bob-has-a-long-token-too"
DONE = (4999, "Job Completed")


def terminal(server: Server, box: HttpSandbox, **options: Any) -> Terminal:
    return Terminal(server, PREFIX, f"/{box.id}/terminal", **options)


def see(user: Terminal, text: str, after: str = "") -> str:
    """Wait until the screen shows this `after` that; return what it has shown between them."""
    screen = ""
    while not (found := re.search(f"{re.escape(after)}(.*){re.escape(text)}", screen, re.DOTALL)):
        frame = user.receive()
        assert frame["type"] in ("stage", "data"), frame
        screen += frame.get("data", "")
    return found[1]


@pytest.fixture
def box(server: Server) -> Iterator[HttpSandbox]:
    with sandbox(server) as made:
        yield made


@pytest.mark.also_engine
def test_a_shell(server: Server, box: HttpSandbox) -> None:
    box.put("in.txt", b"five\n")
    with terminal(server, box) as user:
        user.send(type="init", tty={"rows": 30, "columns": 100}, env={"A": "a"})
        assert user.receive() == {"type": "stage", "stage": "run"}
        user.type("stty size; cat in.txt; pwd; echo $TERM $A; test -t 0 && echo 'tt''y'\r")
        screen = see(user, "tty\r\n")
        for line in ("30 100\r\n", "five\r\n", "/box\r\n", "xterm-256color a\r\n"):
            assert line in screen
        user.send(type="resize", rows=40, columns=120)
        user.type("stty size\r")
        see(user, "40 120\r\n")
        user.type("sh -c 'echo o''n; exec sleep 600'\r")
        see(user, "on\r\n")
        user.type("\x03")
        see(user, "^C")
        user.type("exit 7\r")
        last = user.rest()[-1]
        assert (last["type"], last["stage"], last["code"]) == ("exit", "run", 7)
        assert user.closed == DONE


@pytest.mark.also_engine
def test_a_command(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box) as user:
        user.send(type="init", command=["sh", "-c", "stty size; pwd; read x; exit $x"], cwd="/tmp")
        see(user, "24 80\r\n/tmp\r\n")
        user.type("5\r")
        assert user.rest()[-1]["code"] == 5


def test_several_at_once(server: Server, box: HttpSandbox) -> None:
    with contextlib.ExitStack() as all_of_them:
        users = [all_of_them.enter_context(terminal(server, box)) for _ in range(MAX_LASTING)]
        for number, user in enumerate(users):
            user.send(type="init", command=f"echo on {number}; cat")
        for number, user in enumerate(users):
            see(user, f"on {number}\r\n")
        with terminal(server, box) as one_more:
            one_more.send(type="init")
            assert "background commands and terminals" in one_more.receive()["message"]
            assert one_more.rest() == []
            assert one_more.closed == (4002, "Notified Error")
        assert box.sh("echo beside") == "beside\n"


@pytest.mark.also_engine
def test_a_client_that_leaves_ends_its_command(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box) as user:
        user.send(type="init", command="trap '' HUP; echo $$; exec sleep 600")
        pid = see(user, "\r\n").strip()
    assert wait_until(lambda: box.has_no(pid), 20)
    with terminal(server, box) as user:
        user.send(type="init", command="echo $$; exec sleep 600")
        pid = see(user, "\r\n").strip()
        user.websocket.socket.shutdown(socket.SHUT_RDWR)
    assert wait_until(lambda: box.has_no(pid), 20)


@pytest.mark.also_engine
def test_what_goes_on_without_its_client(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box) as user:
        user.send(type="init")
        user.type("nohup sleep 600 >/dev/null 2>&1 & echo pi''d=$! .\r")
        background = see(user, " .\r\n", after="pid=")
        user.type("sh -c 'echo pi''d=$$ .; exec sleep 601'\r")
        foreground = see(user, " .\r\n", after="pid=")
        assert foreground != background
    assert wait_until(lambda: box.has_no(foreground), 20)
    assert not box.has_no(background)


def test_the_end_of_the_sandbox(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box) as user:
        user.send(type="init", command="echo on; exec sleep 600")
        see(user, "on\r\n")
        box.delete()
        assert user.rest() == [
            {"type": "error", "message": "The sandbox has ended: it was deleted"}
        ]
        assert user.closed == (4002, "Notified Error")
    with pytest.raises(InvalidStatus) as refused:
        terminal(server, box)
    assert refused.value.response.status_code == 410


@pytest.mark.engine  # the fake one has an application of its own
def test_the_end_of_the_service(
    serve: Callable[..., Server], containers: Callable[[], set[str]]
) -> None:
    server = serve()
    made = HttpSandbox(server, create(server).json()["id"])
    with terminal(server, made) as user:
        user.send(type="init", command="echo on; exec sleep 600")
        see(user, "on\r\n")
        started = time.monotonic()
        server.stop()
        # Not the grace that a stop gives to runs, which is 30 s.
        assert time.monotonic() - started < scaled(25)
        assert user.rest() == [
            {"type": "error", "message": "The sandbox has ended: the service was stopped"}
        ]
    assert wait_until(lambda: not containers(), 20)


def test_whose_it_is(services: Services) -> None:
    server = services.share(api_tokens=f"{ALICE},{BOB}")
    with sandbox(server, ALICE) as hers:
        for headers, status in (
            ({}, 401), ({"Authorization": f"Bearer {BOB}"}, 404),
            ({"Authorization": f"Bearer {ALICE}", "Origin": "http://elsewhere.example"}, None),
        ):  # fmt: skip
            if status is None:
                with terminal(server, hers, additional_headers=headers) as user:
                    user.send(type="init", command="true")
                    assert user.rest()[-1]["code"] == 0
                continue
            with pytest.raises(InvalidStatus) as refused:
                terminal(server, hers, additional_headers=headers)
            assert refused.value.response.status_code == status
        url = f"{server.url}{PREFIX}/{hers.id}/terminal"
        for token, status in ((ALICE, 426), (BOB, 404)):
            headers = {"Authorization": f"Bearer {token}"}
            assert requests.get(url, headers=headers, timeout=60).status_code == status


@pytest.mark.attack(
    "request",
    "a page of another site opens a terminal of a sandbox",
    "refused with 403",
)
def test_a_page_of_another_site(server: Server, box: HttpSandbox) -> None:
    with pytest.raises(InvalidStatus) as refused:
        terminal(server, box, origin="http://elsewhere.example")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"type": "init", "command": []}, "command is required"),
        ({"type": "init", "command": 5}, "command is required"),
        ({"type": "init", "tty": 5}, "tty must be an object"),
        ({"type": "init", "tty": {"rows": 0, "columns": 1}}, "rows of a terminal must be"),
        ({"type": "init", "cwd": 5}, "cwd must be a string"),
        ({"type": "init", "env": {"A B": ""}}, "env can't have a variable"),
        ({"type": "init", "command": ["no-such-program"]}, "The command can't be started"),
    ],
)
def test_refusals(server: Server, box: HttpSandbox, message: dict[str, Any], sentence: str) -> None:
    with terminal(server, box) as user:
        user.send(**message)
        *_, last = user.rest()
        assert (last["type"], sentence in last["message"]) == ("error", True)
        assert user.closed == (4002, "Notified Error")
    assert box.sh("echo on") == "on\n"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("no json", 4002),
        ('{"type": "data", "stream": "stdin", "data": "x"}', 4003),
        ("[" * 100_000, 4002),
        (json.dumps({"type": "init"}) + " ", 4000),
    ],
)
def test_what_is_no_beginning(server: Server, box: HttpSandbox, sent: str, code: int) -> None:
    with terminal(server, box) as user:
        user.websocket.send(sent)
        if code == 4000:
            user.websocket.send(sent)
        user.rest()
        assert user.closed[0] == code


@pytest.mark.attack(
    "request",
    "what is typed floods a command of a sandbox that reads nothing",
    "the client has to wait; memory stays bounded, and the sandbox answers",
)
def test_a_flood_that_nobody_reads(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box) as user:
        user.send(type="init", command="stty raw -echo; echo on; exec sleep 600")
        see(user, "on")
        user.websocket.socket.settimeout(3)
        sent = 0
        with contextlib.suppress(TimeoutError, OSError, ConnectionClosed):
            while sent < 64 << 20:
                user.type("x" * 65536)
                sent += 65536
        assert sent < 32 << 20
        assert box.sh("echo beside") == "beside\n"


def test_a_flood_of_output_that_nobody_receives(server: Server, box: HttpSandbox) -> None:
    with terminal(server, box, max_queue=1) as user:
        user.send(type="init", command="exec yes")
        see(user, "y")
        # The sandbox answers meanwhile, and the service does not collect it.
        assert box.sh("echo beside") == "beside\n"
        user.websocket.socket.shutdown(socket.SHUT_RDWR)
    assert wait_until(lambda: box.exec("pgrep -x yes")["stdout"] == "", 30)


@pytest.mark.attack(
    "request",
    "frames of a terminal that are random bytes",
    "closed; the sandbox answers",
)
def test_random_frames(server: Server, box: HttpSandbox) -> None:
    for number in range(20):
        with terminal(server, box) as user:
            if number % 2:
                user.send(type="init", command="exec cat")
            raw = user.websocket.socket
            with contextlib.suppress(OSError):
                raw.sendall(os.urandom(200))
                raw.shutdown(socket.SHUT_RDWR)
    assert wait_until(lambda: box.sh("echo on") == "on\n", 20)
