"""The supervisor's terminal: a stage with a pseudo-terminal in place of pipes, without Docker."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.model.errors import CommandRejected
from bitrun.model.job import TerminalSize
from bitrun.model.output import Stream
from bitrun.model.result import Outcome, Verdict
from tests.support.stages import stage
from tests.support.supervisor_process import SupervisorProcess

SIZE = TerminalSize(rows=24, columns=80)


class Typist:
    """Somebody at the terminal of one stage."""

    def __init__(self, supervisor: SupervisorProcess, *argv: str, **options: Any) -> None:
        self._client = supervisor.client
        self._client.start(stage(*argv, tty=SIZE, **options), interactive=True)
        self.shown = b""
        self.verdict: Verdict | None = None

    def type(self, data: bytes) -> None:
        self._client.write(data)

    def end_stdin(self) -> None:
        self._client.end_stdin()

    def resize(self, rows: int, columns: int) -> None:
        self._client.resize(TerminalSize(rows, columns))

    def see(self, pattern: bytes) -> re.Match[bytes]:
        """Wait until the screen shows this, and forget what came before its end."""
        while (found := re.search(pattern, self.shown)) is None:
            assert self.verdict is None, self.shown
            self._receive()
        self.shown = self.shown[found.end() :]
        return found

    def end(self) -> Verdict:
        while self.verdict is None:
            self._receive()
        return self.verdict

    def _receive(self) -> None:
        for event in self._client.receive(10):
            if isinstance(event, Verdict):
                self.verdict = event
            else:
                assert event[0] is Stream.STDOUT
                self.shown += event[1]


def python(supervisor: SupervisorProcess, program: str, **options: Any) -> Typist:
    return Typist(supervisor, "python3", "-c", program, **options)


@pytest.fixture(autouse=True)
def no_terminal_is_left(supervisor: SupervisorProcess) -> Iterator[None]:
    yield
    supervisor.run("true")
    # Not by /dev/pts, where the terminals of tests beside this one are, too.
    files = [str(file.readlink()) for file in Path(f"/proc/{supervisor.pid}/fd").iterdir()]
    assert not [file for file in files if "pt" in file]


def test_all_streams_are_one_terminal(supervisor: SupervisorProcess) -> None:
    typist = python(
        supervisor,
        "import os; print(*[os.ttyname(fd) for fd in range(3)], *os.get_terminal_size());"
        "print(os.tcgetpgrp(0) == os.getpgrp() == os.getsid(0) == os.getpid(), flush=True);"
        "open('/dev/tty', 'w').write('tty\\n'); open('/dev/stdout', 'w').write('out\\n')",
    )
    name, other, third = typist.see(rb"(/dev/pts/\d+) (\S+) (\S+) 80 24\r\n").groups()
    assert name == other == third
    typist.see(rb"^True\r\ntty\r\nout\r\n$")
    assert typist.end().outcome is Outcome.OK


def test_a_prompt_comes_before_the_input(supervisor: SupervisorProcess) -> None:
    """By a program that never flushes, in whose language a pipe would have no prompt."""
    typist = Typist(supervisor, "perl", "-e", 'print "n? "; print "twice ", 2 * <STDIN>, "\\n"')
    typist.see(rb"^n\? $")
    typist.type(b"21\n")
    typist.see(rb"^21\r\ntwice 42\r\n$")
    assert typist.end().code == 0


def test_bash_prompts(supervisor: SupervisorProcess) -> None:
    typist = Typist(supervisor, "bash", "-c", "read -p 'name? ' name; echo hello $name >&2")
    typist.see(rb"^name\? $")
    typist.type(b"Adx\x7fa\n")  # with a backspace
    typist.see(rb"hello Ada\r\n$")
    typist.end()


def test_backspace_erases_a_character_of_many_bytes(supervisor: SupervisorProcess) -> None:
    typist = python(supervisor, "print(ascii(input()))")
    typist.type("aé\x7fb\n".encode())
    typist.see(rb"'ab'\r\n$")
    typist.end()


@pytest.mark.parametrize(
    ("handler", "signal", "code"),
    [("signal.SIG_DFL", "SIGINT", None), ("lambda *_: sys.exit(7)", None, 7)],
)
def test_control_c(
    supervisor: SupervisorProcess, handler: str, signal: str | None, code: int | None
) -> None:
    program = f"import signal, sys, time; signal.signal(2, {handler}); print('on'); time.sleep(60)"
    typist = python(supervisor, program)
    typist.see(rb"on\r\n")
    typist.type(b"\x03")
    verdict = typist.end()
    assert (verdict.signal, verdict.code) == (signal, code)


def test_control_c_reaches_children(supervisor: SupervisorProcess) -> None:
    # Not by dash, whose child at times stays without its command, also at home.
    script = "trap 'echo shell' INT; bash -c 'echo on; sleep 60'; exit 3"
    typist = Typist(supervisor, "bash", "-c", script)
    typist.see(rb"on\r\n")
    typist.type(b"\x03")
    assert typist.end().code == 3


def test_control_z_stops_nothing_that_nobody_could_continue(supervisor: SupervisorProcess) -> None:
    typist = python(supervisor, "print('on'); print(input())")
    typist.see(rb"on\r\n")
    typist.type(b"\x1ago\n")
    typist.see(rb"\r\ngo\r\n$")
    assert typist.end().code == 0


@pytest.mark.parametrize("text", [b"", b"line\n", b"half a line"])
def test_the_end_of_stdin_is_control_d(supervisor: SupervisorProcess, text: bytes) -> None:
    typist = python(supervisor, "import sys; print(repr(sys.stdin.read()))")
    typist.type(text)
    typist.end_stdin()
    typist.see(re.escape(repr(text.decode()).encode()) + rb"\r\n$")
    assert typist.end().code == 0


def test_more_may_follow_the_end_of_stdin(supervisor: SupervisorProcess) -> None:
    typist = Typist(supervisor, "sh", "-c", "cat; echo next; cat")
    typist.type(b"one\n\x04")
    typist.see(rb"one\r\none\r\nnext\r\n")
    typist.type(b"two\n")
    typist.end_stdin()
    typist.see(rb"two\r\ntwo\r\n")
    assert typist.end().code == 0


def test_the_size_changes(supervisor: SupervisorProcess) -> None:
    typist = python(
        supervisor,
        "import os, signal\n"
        "show = lambda *_: os.write(1, b'%d %d\\n' % os.get_terminal_size())\n"
        "signal.signal(signal.SIGWINCH, show)\n"
        "print('on')\n"
        "while True: signal.pause()",
    )
    typist.see(rb"on\r\n")
    for rows, columns in ((50, 132), (1, 65535)):
        typist.resize(rows, columns)
        typist.see(rb"%d %d\r\n" % (columns, rows))
    typist.type(b"\x1c")
    assert typist.end().signal == "SIGQUIT"


def test_a_resize_without_a_terminal_is_ignored(supervisor: SupervisorProcess) -> None:
    supervisor.client.start(stage("cat"), interactive=True)
    supervisor.client.resize(SIZE)
    supervisor.client.end_stdin()
    (verdict,) = supervisor.client.receive(5)
    assert isinstance(verdict, Verdict)
    assert verdict.code == 0


def test_raw_bytes(supervisor: SupervisorProcess) -> None:
    typist = python(
        supervisor,
        "import os, tty; tty.setraw(0); os.write(1, b'on'); data = b''\n"
        "while len(data) < 256: data += os.read(0, 99)\n"
        "os.write(1, data)",
    )
    typist.see(rb"^on$")
    typist.type(bytes(range(256)))
    typist.end()
    assert typist.shown == bytes(range(256))


@pytest.mark.parametrize("size", [100, 4095, 4096, 50_000, 1_000_000])
def test_nothing_is_lost_at_the_end(supervisor: SupervisorProcess, size: int) -> None:
    """Whatever the kernel's buffers hold when the last process is gone."""
    typist = Typist(supervisor, "head", "-c", str(size), "/dev/zero", output=size)
    assert typist.end().outcome is Outcome.OK
    assert typist.shown == bytes(size)


def test_nothing_is_lost_before_a_kill(supervisor: SupervisorProcess) -> None:
    typist = python(supervisor, "print('x' * 9000 + '?', end=''); input()", wall_ms=500)
    assert typist.end().outcome is Outcome.WALL_TIME
    assert typist.shown == b"x" * 9000 + b"?"


def test_the_cap_is_exact(supervisor: SupervisorProcess) -> None:
    typist = Typist(supervisor, "yes", output=10_000)
    assert typist.end().outcome is Outcome.STDOUT
    assert typist.shown == b"y\r\n" * 3333 + b"y"


def test_more_input_than_the_terminal_holds(supervisor: SupervisorProcess) -> None:
    lines = b"".join(b"%d\n" % number for number in range(50_000))
    typist = python(
        supervisor,
        "import sys, termios\n"
        "modes = termios.tcgetattr(0); modes[3] &= ~termios.ECHO; termios.tcsetattr(0, 0, modes)\n"
        "print('on', flush=True); print(sum(map(int, sys.stdin)))",
    )
    typist.see(rb"on\r\n")
    typist.type(lines)
    typist.end_stdin()
    typist.see(rb"^1249975000\r\n$")
    typist.end()


def test_a_program_may_close_its_terminal_and_open_it_again(supervisor: SupervisorProcess) -> None:
    typist = python(
        supervisor,
        "import os, time; [os.close(fd) for fd in range(3)]; time.sleep(0.5);"
        "os.write(os.open('/dev/tty', os.O_WRONLY), b'here')",
    )
    assert typist.end().code == 0
    assert typist.shown == b"here"
    assert supervisor.cpu_ms < 100, "it does not sleep"


def test_stages_have_terminals_of_their_own(supervisor: SupervisorProcess) -> None:
    for word in ("one", "two"):
        typist = Typist(supervisor, "sh", "-c", f"echo {word}; sleep 60 & exit")
        assert typist.end().code == 0
        assert typist.shown == word.encode() + b"\r\n"
        # And a stage with pipes has none.
        _, stdout, _ = supervisor.run("sh", "-c", "tty; echo >/dev/tty; echo")
        assert stdout == b"not a tty\n\n"


def test_a_command_that_cannot_be_started(supervisor_binary: Path, workdir: Path) -> None:
    supervisor = SupervisorProcess(supervisor_binary, workdir)
    with pytest.raises(CommandRejected, match="nowhere: No such file or directory"):
        Typist(supervisor, "nowhere").end()
    supervisor.close()


@pytest.mark.attack(
    "program", "other line disciplines of its terminal, whose modules the kernel loads", "refused"
)
def test_no_line_disciplines(supervisor: SupervisorProcess) -> None:
    typist = python(
        supervisor,
        "import fcntl\n"
        "for discipline in (0, 13, 21):\n"
        "    try: fcntl.ioctl(0, 0x5423, discipline.to_bytes(4, 'little')); print('set')\n"
        "    except OSError as error: print(error.strerror)\n",
    )
    typist.end()
    assert typist.shown == b"Operation not permitted\r\n" * 3
