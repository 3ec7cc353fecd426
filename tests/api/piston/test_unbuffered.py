"""Piston v2: pipes into which programs write as they would on a terminal."""

import pytest

from tests.support.piston import execute, message, request, run
from tests.support.server import Server
from tests.support.terminal import Terminal, shown

PROMPTS = {
    "c": '#include <stdio.h>\nint main() { int n; printf("n? "); scanf("%d", &n); printf("%d", 2 * n); }',
    "c++": '#include <iostream>\n#include <cstdio>\nint main() { int n; printf("n"); std::cout << "? "; std::cin >> n; std::cout << 2 * n; }',
    "python": "print('n', end=''); print(2 * int(input('? ')), end='')",
    "bash": "printf 'n? '; read n; printf $((2 * n))",
}  # fmt: skip


@pytest.mark.also_engine
@pytest.mark.parametrize("language", PROMPTS)
def test_prompts_come_before_the_input(server: Server, language: str) -> None:
    with Terminal(server) as terminal:
        terminal.init(language, PROMPTS[language])
        while terminal.receive() != {"type": "stage", "stage": "run"}:
            pass
        terminal.printed("n? ")
        terminal.type("21\n")
        assert shown(terminal.rest()) == "42"


LINES = {
    "c": '#include <stdio.h>\n#include <unistd.h>\nint main() { puts("one"); sleep(60); }',
    "python": "import time; print('one'); time.sleep(60)",
}  # fmt: skip


@pytest.mark.parametrize("language", LINES)
def test_lines_come_as_they_are_printed(server: Server, language: str) -> None:
    with Terminal(server) as terminal:
        terminal.init(language, LINES[language])
        while terminal.receive() != {"type": "stage", "stage": "run"}:
            pass
        terminal.printed("one\n")
        terminal.send(type="signal", signal="SIGKILL")
        assert terminal.rest()[-1]["signal"] == "SIGKILL"


@pytest.mark.also_engine
@pytest.mark.parametrize("language", LINES)
def test_execute_may_ask_for_it(server: Server, language: str) -> None:
    """What was printed before a kill is lost in a pipe's buffer, unless the request asks for it."""
    for fields, expected in (({}, ""), ({"unbuffered": True}, "one\n")):
        stage = run(server, language, LINES[language], run_timeout=700, **fields)
        assert (stage["stdout"], stage["stderr"]) == (expected, "")
        assert stage["verdict"] == "wall_time"


def test_unbuffered_is_a_truth_value(server: Server) -> None:
    values: tuple[object, ...] = ("yes", 1, [])
    for value in values:
        text = message(execute(server, request("bash", "", unbuffered=value)))
        assert text == "If specified, unbuffered must be true or false"


def test_the_environment_of_execute_is_as_ever(server: Server) -> None:
    for fields, present in (({}, False), ({"unbuffered": True}, True)):
        printed = run(server, "bash", "env", **fields)["stdout"]
        assert ("LD_PRELOAD=" in printed) is present


def test_a_sanitizer_allows_the_library(server: Server) -> None:
    """AddressSanitizer insists on being the first library."""
    command = "gcc -fsanitize=address -o main a.c && exec ./main"
    fields = {"filename": "a.c", "content": LINES["c"].replace("60", "0"), "command": command}
    assert server.run(**fields, unbuffered="1").text == "one\n"


def test_a_program_without_stdio_is_left_alone(server: Server) -> None:
    command = "gcc -nostdlib -o main a.c && exec ./main"
    source = 'void _start(void) { __asm__("syscall" : : "a"(60), "D"(7)); }'
    reply = server.run(filename="a.c", content=source, command=command, unbuffered="1")
    assert (reply.headers["X-Run-Exitcode"], reply.text) == ("7", "")
