"""`bitrun run` on a terminal: the program has one, too, and every key is its own."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server
from tests.support.user import User
from tests.support.waiting import wait_until

Sit = Callable[..., User]


@pytest.fixture
def sit(server: Server) -> Iterator[Sit]:
    users = []

    def sit(file: Path, text: str, **streams: Any) -> User:
        file.write_text(text)
        users.append(User(server, "run", file, **streams))
        return users[-1]

    yield sit
    for user in users:
        user.close()


@pytest.mark.also_engine
def test_it_is_the_program_s_terminal(sit: Sit, tmp_path: Path) -> None:
    user = sit(
        tmp_path / "a.py",
        "import os, sys; print(*map(os.isatty, range(3)), os.environ['TERM'], *os.get_terminal_size())\n"
        "print('Hello', input('name? ')); print(sys.stdin.read().split())",
    )
    user.see("True True True xterm-256color 100 30\r\nname? ")
    user.type("Ax\x7fda\r")
    user.see("da\r\nHello Ada\r\n")
    user.type("more\r\x04")
    user.see("more\r\n['more']\r\n")
    assert user.end() == 0
    assert user.rest() == ""
    assert user.modes_are_restored


def test_people_type_slowly(serve: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "a.sh"
    file.write_text("sleep 1; read name; echo hello $name")
    user = User(serve(run_timeout=300), "run", file)
    user.type("Ada\r")
    user.see("hello Ada")
    assert user.end() == 0
    user.close()


def test_keys_come_one_by_one(sit: Sit, tmp_path: Path) -> None:
    user = sit(
        tmp_path / "a.py",
        "import os, tty; tty.setraw(0); print('on', flush=True)\n"
        "while (key := os.read(0, 9)) != b'q': print(key, flush=True)",
    )
    user.see("on")
    for key, shown in (
        ("a", "b'a'"),
        ("\x1b[A", r"b'\x1b[A'"),
        ("\x03", r"b'\x03'"),
        ("é", r"b'\xc3\xa9'"),
    ):
        user.type(key)
        user.see(shown)
    user.type("q")
    assert user.end() == 0
    assert user.modes_are_restored


def test_control_c_is_the_program_s(sit: Sit, tmp_path: Path) -> None:
    script = "n=0; trap 'n=$((n+1)); echo caught $n' INT; echo ready; while [ $n -lt 3 ]; do sleep 0.05; done; exit 0"
    user = sit(tmp_path / "a.sh", script)
    user.see("ready")
    for count in (1, 2, 3):
        user.type("\x03")
        user.see(f"caught {count}")
    assert user.end() == 0
    user = sit(tmp_path / "b.sh", "echo ready; sleep 60")
    user.see("ready")
    user.type("\x03")
    assert user.end() == 130
    assert user.rest() == "\r\n^C"
    assert user.modes_are_restored


def test_the_size_follows(sit: Sit, tmp_path: Path) -> None:
    user = sit(
        tmp_path / "a.py",
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b'%d %d\\n' % os.get_terminal_size()))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()",
    )
    user.see("ready")
    user.resize(50, 132)
    user.process.send_signal(signal.SIGWINCH)  # as the kernel does where it is the controlling one
    user.see("132 50\r\n")
    user.type("\x1c")  # Ctrl-\\
    assert user.end() == 131


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(
    sit: Sit, tmp_path: Path, number: signal.Signals
) -> None:
    user = sit(tmp_path / "a.sh", "echo ready; sleep 60")
    user.see("ready")
    assert wait_until(lambda: not user.modes_are_restored, 5)
    user.process.send_signal(number)
    assert user.end() == 128 + number
    assert user.modes_are_restored


def test_a_limit_leaves_the_terminal_as_it_was(sit: Sit, tmp_path: Path) -> None:
    user = sit(tmp_path / "a.sh", "yes")
    user.see("Output limit exceeded: 65536 bytes")
    assert user.end() == 137
    assert user.modes_are_restored


def test_what_a_compiler_says(sit: Sit, tmp_path: Path) -> None:
    user = sit(tmp_path / "a.c", "#warning w\nint main(void) { return x; }")
    user.see("undeclared")
    user.see("bitrun: Compiling failed")
    assert user.end() == 1
    assert user.modes_are_restored


def test_redirected_streams_are_none(sit: Sit, tmp_path: Path) -> None:
    """A file gets what it would get at home: no echo, no CR, and stderr by itself."""
    with (tmp_path / "errors").open("wb") as errors:
        user = sit(
            tmp_path / "a.sh", "read line; echo out $line; echo err >&2", stderr=errors.fileno()
        )
        user.type("x\n")
        user.see("x\r\nout x\r\n")
        assert user.end() == 0
    assert (tmp_path / "errors").read_bytes() == b"err\n"
    with (tmp_path / "output").open("wb") as output:
        user = sit(tmp_path / "a.sh", "test -t 0 || echo none", stdout=output.fileno())
        assert user.end() == 0
    assert (tmp_path / "output").read_bytes() == b"none\n"
