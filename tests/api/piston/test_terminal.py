"""Piston v2: sessions with a terminal."""

import pytest

from tests.support.server import Server
from tests.support.terminal import Terminal, shown

SIZE = {"rows": 30, "columns": 100}
DONE = (4999, "Job Completed")


@pytest.mark.also_engine
def test_a_session_with_a_terminal(server: Server) -> None:
    program = (
        "import os; print(os.environ['TERM'], *os.get_terminal_size()); name = input('? ');"
        "print('Hello', name); os.write(2, b'err\\n'); input(); print(*os.get_terminal_size())"
    )
    with Terminal(server) as terminal:
        terminal.init("python", program, tty=SIZE)
        terminal.printed("xterm-256color 100 30\r\n? ")
        terminal.type("Ada\n")
        terminal.printed("Ada\r\nHello Ada\r\nerr\r\n")
        terminal.send(type="resize", rows=5, columns=6)
        terminal.type("\n")
        *data, ended = terminal.rest()
        assert shown(data) == "\r\n6 5\r\n"
        assert {frame["stream"] for frame in data} == {"stdout"}
        assert ended["code"] == 0
        assert terminal.closed == DONE


def test_a_compiler_has_no_terminal(server: Server) -> None:
    """Its messages are text for the client, in their own stream; and nobody types to it."""
    program = (
        '#include <stdio.h>\n#warning "w"\n'
        'int main() { int n; printf("n? "); scanf("%d", &n); return n; }'
    )
    with Terminal(server) as terminal:
        terminal.init("c", program, tty=SIZE)
        terminal.send(type="resize", rows=5, columns=6)  # kept until there is a terminal
        compiled = terminal.until("exit")
        assert {frame["stream"] for frame in compiled if frame["type"] == "data"} == {"stderr"}
        assert "\r" not in shown(compiled)
        terminal.until("stage")
        terminal.printed("n? ")
        terminal.type("7\n")
        assert terminal.until("exit")[-1]["code"] == 7


@pytest.mark.parametrize(("typed", "ends"), [("\x03", (None, "SIGINT")), ("\x04", (0, None))])
def test_control_c_and_control_d(server: Server, typed: str, ends: object) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "echo ready; exec cat", tty=SIZE)
        terminal.printed("ready\r\n")
        terminal.type(typed)
        ended = terminal.rest()[-1]
        assert (ended["code"], ended["signal"]) == ends


def test_eof_is_control_d(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "cat; echo; echo next; cat", tty=SIZE)
        terminal.type("half")
        terminal.send(type="eof")
        terminal.printed("halfhalf\r\nnext\r\n")
        terminal.send(type="eof")
        assert terminal.rest()[-1]["code"] == 0


NO_NUMBER = "of a terminal must be a whole number from 1 to 65535"


@pytest.mark.parametrize(
    ("tty", "text"),
    [
        (True, "If specified, tty must be an object with rows and columns"),
        ([24, 80], "If specified, tty must be an object with rows and columns"),
        ({"rows": 24}, f"columns {NO_NUMBER}"),
        ({"rows": 0, "columns": 80}, f"rows {NO_NUMBER}"),
        ({"rows": True, "columns": 80}, f"rows {NO_NUMBER}"),
        ({"rows": 24, "columns": 80.5}, f"columns {NO_NUMBER}"),
        ({"rows": 24, "columns": 65536}, f"columns {NO_NUMBER}"),
    ],
)
def test_impossible_terminals(server: Server, tty: object, text: str) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "cat", tty=tty)
        assert terminal.rest() == [{"type": "error", "message": text}]
        assert terminal.closed == (4002, "Notified Error")


def test_an_impossible_size(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "cat", tty=SIZE)
        terminal.send(type="resize", rows=24)
        assert terminal.rest()[-1]["message"] == f"columns {NO_NUMBER}"
        assert terminal.closed == (4002, "Notified Error")


@pytest.mark.parametrize("tty", [None, False, {}])
def test_no_terminal(server: Server, tty: object) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "test -t 0 || echo none; read line", tty=tty)
        terminal.send(type="resize", rows=5, columns=6)  # without effect
        terminal.type("\n")
        assert shown(terminal.rest()) == "none\n"
        assert terminal.closed == DONE
