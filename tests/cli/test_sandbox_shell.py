"""`bitrun sandbox shell`: a terminal of this machine is one in a sandbox."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.sandboxes import HttpSandbox, sandbox
from tests.support.server import Server
from tests.support.user import User
from tests.support.waiting import wait_until


@pytest.fixture
def box(server: Server) -> Iterator[HttpSandbox]:
    with sandbox(server) as made:
        yield made


@pytest.mark.also_engine
def test_a_shell(server: Server, box: HttpSandbox) -> None:
    user = User(server, "sandbox", "shell", "-e", "A=a", "--cwd", "/tmp", box.id)
    try:
        user.type("echo $A; pwd; stty size\r")
        user.see("a\r\n/tmp\r\n30 100\r\n")
        user.resize(40, 120)
        user.process.send_signal(signal.SIGWINCH)
        user.type("until test \"$(stty size)\" = '40 120'; do sleep 0.1; done; echo re''sized\r")
        user.see("resized\r\n")
        user.type("sh -c 'echo o''n; exec sleep 600'\r")
        user.see("on\r\n")
        user.type("\x03")
        user.see("^C")
        user.type("exit 7\r")
        assert user.end() == 7
        assert user.modes_are_restored
    finally:
        user.close()


def test_a_command(server: Server, box: HttpSandbox) -> None:
    user = User(server, "sandbox", "shell", box.id, "--", "sh", "-c", "read x; exit $x")
    try:
        user.type("5\r")
        assert user.end() == 5
    finally:
        user.close()


def test_its_end_is_that_of_the_shell(server: Server, box: HttpSandbox) -> None:
    user = User(server, "sandbox", "shell", box.id, "echo pid=$$; exec sleep 600")
    try:
        user.see("pid=")
        user.see("\r\n")
        pid = box.sh("pgrep -x sleep").strip()
        user.process.send_signal(signal.SIGTERM)
        assert user.end() == 128 + signal.SIGTERM
        assert user.modes_are_restored
        assert wait_until(lambda: box.has_no(pid), 20)
    finally:
        user.close()


def test_there_is_no_such_sandbox(server: Server) -> None:
    user = User(server, "sandbox", "shell", "sbx_none")
    try:
        user.see("There is no such sandbox")
        assert user.end() == 125
    finally:
        user.close()
