"""Piston v2: programs as terminals, over the WebSocket."""

import base64
import contextlib
import json
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.paths import ROOT
from tests.support.piston import PREFIXES, call, message, package, request, run, write_catalogue
from tests.support.server import Server
from tests.support.terminal import Frame, Terminal
from tests.support.waiting import wait_until

SECRET = "a-secret-of-some-length"
DONE = (4999, "Job Completed")
NOTIFIED = (4002, "Notified Error")
READER = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\nprint('end')"
SLEEP = "import time\nprint('ready', flush=True)\ntime.sleep(60)"


def output(frames: list[Frame], stream: str = "stdout") -> str:
    return "".join(
        frame["data"] for frame in frames if frame["type"] == "data" and frame["stream"] == stream
    )


def session(server: Server, *args: Any, **fields: Any) -> list[Frame]:
    """Run a whole session that needs nothing but its init."""
    with Terminal(server) as terminal:
        terminal.init(*args, **fields)
        frames = terminal.rest()
        assert terminal.closed == DONE
        return frames


# A session


@pytest.mark.also_engine
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_session_from_init_to_the_end(server: Server, prefix: str) -> None:
    with Terminal(server, prefix) as terminal:
        terminal.init("py", "import sys; print('out', flush=True); sys.exit(input())")
        runtime = terminal.receive()
        assert runtime.pop("version").startswith("3.")
        assert runtime == {"type": "runtime", "language": "python"}
        assert terminal.receive() == {"type": "stage", "stage": "run"}
        assert terminal.receive() == {"type": "data", "stream": "stdout", "data": "out\n"}
        terminal.type("bye\n")
        *data, exit_frame = terminal.rest()
        assert data == [{"type": "data", "stream": "stderr", "data": "bye\n"}]
        assert terminal.closed == DONE
    measured = [exit_frame.pop(name) for name in ("memory", "cpu_time", "wall_time")]
    assert all(isinstance(value, int) and value > 0 for value in measured)
    assert exit_frame == {
        "type": "exit",
        "stage": "run",
        "code": 1,
        "signal": None,
        "status": "RE",
        "message": "Exited with error status 1",
        "verdict": "exit",
        "detail": "Exited with error status 1",
    }


@pytest.mark.also_engine
def test_the_documented_session(server: Server) -> None:
    text = (ROOT / "docs" / "piston-v2.md").read_text()
    shown = re.findall(r"^([<>]) ({\"type\".*})$", text, re.MULTILINE)
    assert len(shown) == 6
    with Terminal(server) as terminal:
        for direction, frame in shown:
            if direction == ">":
                terminal.websocket.send(frame)
                continue
            expected, came = json.loads(frame), terminal.receive()
            for measured in ("version", "memory", "cpu_time", "wall_time"):
                assert (measured in expected) is (measured in came)
                expected.pop(measured, None)
                came.pop(measured, None)
            assert came == expected
        assert terminal.rest() == []
        assert terminal.closed == DONE


@pytest.mark.also_engine
def test_compile_then_run(server: Server) -> None:
    files = [
        {"name": "main.c", "content": '#include <stdio.h>\n#include "lib/twice.h"\n#warning "w"\nint main() { int n; while (scanf("%d", &n) == 1) { printf("%d\\n", twice(n)); fflush(stdout); } return 3; }'},
        {"name": "lib/twice.c", "content": "int twice(int n) { return 2 * n; }"},
        {"name": "lib/twice.h", "content": "int twice(int n);"},
    ]  # fmt: skip
    with Terminal(server) as terminal:
        terminal.send(type="init", language="c", version="*", files=files)
        terminal.type("21\n")  # kept while it compiles
        compiled = terminal.until("exit")
        assert [frame["type"] for frame in (compiled[0], compiled[-1])] == ["runtime", "exit"]
        assert compiled[1] == {"type": "stage", "stage": "compile"}
        assert "#warning" in output(compiled, "stderr")
        assert (compiled[-1]["stage"], compiled[-1]["code"]) == ("compile", 0)
        assert terminal.receive() == {"type": "stage", "stage": "run"}
        terminal.printed("42\n")
        terminal.type("4\n")
        terminal.printed("8\n")
        terminal.send(type="eof")
        (ended,) = terminal.rest()
        assert (ended["stage"], ended["code"]) == ("run", 3)
        assert terminal.closed == DONE


def test_a_compile_error_ends_the_session(server: Server) -> None:
    frames = session(server, "c", "int main(")
    assert [frame["stage"] for frame in frames if "stage" in frame] == ["compile", "compile"]
    assert "error: expected" in output(frames, "stderr")
    assert (frames[-1]["type"], frames[-1]["code"]) == ("exit", 1)


def test_messages_as_bytes_and_in_fragments(server: Server) -> None:
    init = json.dumps({"type": "init"} | request("bash", "echo 'é🦊'"), ensure_ascii=False)
    for whole in (init, init.encode()):
        for parts in (whole, [whole[at : at + 1] for at in range(len(whole))]):
            with Terminal(server) as terminal:
                terminal.websocket.send(parts)
                assert output(terminal.rest()) == "é🦊\n"


# Stdin, signals, eof


def test_data_right_behind_init_is_kept(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("python", READER, stdin="tinI\n")
        for number in range(100):
            terminal.type(f"{number:03}\n")
        terminal.send(type="eof")
        lines = ["Init", *(f"{number:03}"[::-1] for number in range(100)), "end", ""]
        assert output(terminal.rest()) == "\n".join(lines)


def test_the_stdin_of_init_stays_as_it_is(server: Server) -> None:
    """No newline is added: what comes next may belong to the same line."""
    with Terminal(server) as terminal:
        terminal.init("python", READER, stdin="ab")
        time.sleep(0.2)
        terminal.type("cd\n")
        terminal.printed("dcba\n")


@pytest.mark.engine
def test_every_line_is_answered_within_50_ms(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("python", "while True: print('>', input(), flush=True)")
        terminal.until("stage")
        times = []
        for number in range(60):
            started = time.monotonic()
            terminal.type(f"{number}\n")
            terminal.printed(f"> {number}\n")
            times.append(time.monotonic() - started)
        # The first waits for Python to start. Of the others one in ten may meet a busy machine.
        assert sorted(times[1:])[-6] < 0.05, times
        assert median(times) < 0.02


def test_sigint_is_a_keyboard_interrupt(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init(
            "python",
            "import time\ntry:\n  print('ready', flush=True)\n  time.sleep(60)\nexcept KeyboardInterrupt: print('caught', flush=True)\n"
            "time.sleep(60)",
        )
        terminal.printed("ready\n")
        terminal.send(type="signal", signal="SIGINT")
        terminal.printed("caught\n")
        terminal.send(type="signal", signal="SIGINT")
        frames = terminal.rest()
        assert output(frames, "stderr").endswith("KeyboardInterrupt\n")
        assert (frames[-1]["code"], frames[-1]["signal"]) == (None, "SIGINT")
        assert (frames[-1]["status"], frames[-1]["message"]) == ("SG", "Caught fatal signal 2")
        assert terminal.closed == DONE


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGRT40"])
def test_signals_reach_the_program(server: Server, name: str) -> None:
    with Terminal(server) as terminal:
        terminal.init("python", SLEEP)
        terminal.printed("ready\n")
        terminal.send(type="signal", signal=name)
        (ended,) = terminal.rest()
        assert (ended["code"], ended["signal"]) == (None, name)


@pytest.mark.also_engine
def test_signals_reach_the_programs_children(server: Server) -> None:
    """As from a terminal, the whole group gets it."""
    script = "trap 'echo parent' INT; python3 -c 'import time; print(1, flush=True); time.sleep(60)' 2>&1 | tail -1"
    with Terminal(server) as terminal:
        terminal.init("python", f"import os; os.execlp('bash', 'bash', '-c', {script!r})")
        time.sleep(0.7)
        terminal.send(type="signal", signal="SIGINT")
        assert set(output(terminal.rest()).split()) >= {"parent"}


@pytest.mark.also_engine
def test_eof_ends_a_read(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("python", "import sys; print(repr(sys.stdin.read()))", stdin="a")
        terminal.type("b\n")
        terminal.until("stage")
        with pytest.raises(TimeoutError):
            terminal.receive(0.5)
        terminal.type("c")
        terminal.send(type="eof")
        with contextlib.suppress(ConnectionClosed):  # the program may have ended
            terminal.type("too late")
            terminal.send(type="eof")
        assert output(terminal.rest()) == "'ab\\nc'\n"


def test_unknown_types_are_ignored(server: Server) -> None:
    with Terminal(server) as terminal:
        others: list[Any] = [
            {"type": "ping"},
            {"type": None},
            {"type": ["init"]},
            {},
            [],
            5,
            None,
            "data",
        ]
        for other in others:
            terminal.websocket.send(json.dumps(other))
        terminal.init("bash", "read x; echo $x")
        terminal.until("stage")
        for other in others:
            terminal.websocket.send(json.dumps(other))
        terminal.type("ok\n")
        assert output(terminal.rest()) == "ok\n"
        assert terminal.closed == DONE


def test_pings_are_answered_while_a_program_runs(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("python", SLEEP)
        terminal.printed("ready\n")
        assert terminal.websocket.ping().wait(2)


# What was written


def test_a_character_written_byte_by_byte(server: Server) -> None:
    script = (
        "import os, time\nfor byte in 'é🦊'.encode() + b'\\xf0':\n"
        "  for stream in (1, 2): os.write(stream, bytes([byte])); time.sleep(0.02)"
    )
    frames = session(server, "python", script)
    for stream in ("stdout", "stderr"):
        pieces = [each["data"] for each in frames if each.get("stream") == stream]
        assert pieces == ["é", "🦊", "\ufffd"]


def test_output_comes_as_it_is_written(server: Server) -> None:
    script = "for n in 1 2 3; do echo $n; sleep 0.3; echo $n >&2; done"
    with Terminal(server) as terminal:
        terminal.init("bash", script)
        terminal.until("stage")
        came = [(frame["stream"], frame["data"]) for frame in terminal.until("exit")[:-1]]
        assert came == [(stream, f"{n}\n") for n in (1, 2, 3) for stream in ("stdout", "stderr")]


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("stream", "redirection", "status"), [("stdout", "", "OL"), ("stderr", ">&2", "EL")]
)
def test_the_output_cap_holds(server: Server, stream: str, redirection: str, status: str) -> None:
    frames = session(server, "bash", f"yes {redirection}")
    assert output(frames, stream) == "y\n" * 32768
    assert (frames[-1]["signal"], frames[-1]["status"]) == ("SIGKILL", status)
    assert frames[-1]["message"] == f"{stream} length exceeded"


@pytest.mark.also_engine
def test_the_time_limits_hold(server: Server) -> None:
    frames = session(server, "python", SLEEP, run_timeout=300)
    assert (frames[-1]["status"], frames[-1]["signal"]) == ("TO", "SIGKILL")
    assert frames[-1]["message"] == "Time limit exceeded (wall clock)"
    assert 300 <= frames[-1]["wall_time"] < 400
    frames = session(server, "python", "while True: pass", run_cpu_time=100)
    assert frames[-1]["message"] == "Time limit exceeded"


@pytest.mark.engine
def test_out_of_memory_differs_from_sigkill(server: Server) -> None:
    assert session(server, "python", "bytearray(10**9)")[-1]["oom_killed"] is True


# Close codes


@pytest.mark.parametrize("first", [None, {"type": "unknown"}])
def test_initialization_timeout(server: Server, first: Frame | None) -> None:
    with Terminal(server) as terminal:
        started = time.monotonic()
        if first is not None:
            time.sleep(0.5)
            terminal.send(**first)
        assert terminal.rest() == []
        assert terminal.closed == (4001, "Initialization Timeout")
        assert 0.9 < time.monotonic() - started < 1.4


def test_an_init_may_arrive_slowly(server: Server) -> None:
    """As that with large files over a slow line."""
    init = json.dumps({"type": "init"} | request("bash", "echo 1"))

    def pieces() -> Iterator[str]:
        for start in range(0, len(init), 20):
            yield init[start : start + 20]
            time.sleep(0.4)

    with Terminal(server) as terminal:
        started = time.monotonic()
        terminal.websocket.send(pieces())
        assert time.monotonic() - started > 1.2
        assert terminal.until("exit")[-1]["code"] == 0


RUNNING = request("python", SLEEP)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "init"} | RUNNING, (4000, "Already Initialized")),
        ({"type": "init"}, (4000, "Already Initialized")),
        ({"type": "data", "stream": "stdout", "data": "x"}, (4004, "Can only write to stdin")),
        ({"type": "data", "stream": None, "data": "x"}, (4004, "Can only write to stdin")),
        ({"type": "data", "data": "x"}, (4004, "Can only write to stdin")),
        ({"type": "data", "stream": ["stdin"]}, (4004, "Can only write to stdin")),
        ({"type": "signal", "signal": "SIGFOO"}, (4005, "Invalid signal")),
        ({"type": "signal", "signal": "INT"}, (4005, "Invalid signal")),
        ({"type": "signal", "signal": "sigint"}, (4005, "Invalid signal")),
        ({"type": "signal", "signal": 2}, (4005, "Invalid signal")),
        ({"type": "signal"}, (4005, "Invalid signal")),
        ({"type": "signal", "signal": []}, (4005, "Invalid signal")),
        ({"type": "signal", "signal": {}}, (4005, "Invalid signal")),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_message_that_ends_the_session(
    server: Server, message: Frame, expected: tuple[int, str], at_once: bool
) -> None:
    with Terminal(server) as terminal:
        terminal.send(type="init", **RUNNING)
        if not at_once:
            terminal.printed("ready\n")
        terminal.send(**message)
        frames = terminal.rest()
        assert not [frame for frame in frames if frame["type"] in ("exit", "error")]
        assert terminal.closed == expected


@pytest.mark.parametrize(
    "message",
    [
        {"type": "data", "stream": "stdin", "data": "x"},
        {"type": "data", "stream": "stdout"},
        {"type": "signal", "signal": "SIGINT"},
        {"type": "signal", "signal": "SIGFOO"},
        {"type": "eof"},
    ],
)
def test_not_yet_initialized(server: Server, message: Frame) -> None:
    with Terminal(server) as terminal:
        terminal.send(**message)
        assert terminal.rest() == []
        assert terminal.closed == (4003, "Not yet initialized")


OK = {"content": "x"}
BASE64 = {"content": "eA==", "encoding": "base64"}


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "language is required as a string"),
        ({"language": "bash"}, "version is required as a string"),
        ({"language": "bash", "version": "*"}, "files is required as an array"),
        ({"language": "x", "version": "*", "files": [OK, {}]}, "files[1].content is required as a string"),
        ({"language": "x", "version": "*", "files": []}, "x-* runtime is unknown"),
        ({"language": "bash", "version": "*", "files": [BASE64]}, "files must include at least one utf8 encoded file"),
        (request("bash", "x", run_timeout="x"), "If specified, run_timeout must be a number"),
        (request("bash", "x", run_timeout=120_001), "run_timeout cannot exceed the configured limit of 120000"),
        (request("bash", "x", run_timeout=-2), "run_timeout must be non-negative"),
        (request("bash", "x", stdin=5), "If specified, stdin must be a string"),
        (request("bash") | {"files": [OK | {"name": "/x"}]}, "files[0].name must stay within the directory: /x"),
        (request("bash") | {"files": [OK, OK | {"name": "file0.code/x"}]}, "File stands below what is not a directory: file0.code/x"),
    ],
)  # fmt: skip
@pytest.mark.attack(
    "request", "a session asked for with what can't run", "an error frame, closed with 4002"
)
def test_an_init_that_is_refused(server: Server, body: Frame, text: str) -> None:
    with Terminal(server) as terminal:
        terminal.send(type="init", **body)
        last = terminal.rest()[-1]
        last.pop("detail", None)
        assert last == {"type": "error", "message": text}
        assert terminal.closed == NOTIFIED


BAD = "The body is no JSON: Expecting value at line 1, column 1"


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nonsense", BAD),
        (b"\xff", "The body is no JSON: Expecting value at line 1, column 1"),
        ("[" * 100_000, "The body is nested too deeply: 200 levels are possible"),
        ('{"type": "data", "stream": "stdin"}', "data is required as a string"),
        ('{"type": "data", "stream": "stdin", "data": 5}', "data is required as a string"),
    ],
)  # fmt: skip
@pytest.mark.attack(
    "request",
    "a session's message that is no JSON, or nested too deeply",
    "an error frame, closed with 4002",
)
def test_what_is_no_message(server: Server, text: str | bytes, expected: str) -> None:
    for is_running in (False, True):
        with Terminal(server) as terminal:
            if is_running:
                terminal.send(type="init", **RUNNING)
                terminal.printed("ready\n")
            elif "data" in expected:
                continue
            terminal.websocket.send(text)
            assert terminal.rest() == [{"type": "error", "message": expected}]
            assert terminal.closed == NOTIFIED


@pytest.mark.also_engine
def test_the_goodbye_arrives_whatever_is_on_its_way(
    server: Server, containers: Callable[[], set[str]]
) -> None:
    """Were the connection closed at once, late input would reset it, and the code be lost."""
    script = "import time\nfor n in range(40): print(n, flush=True); time.sleep(0.005)\nexit(3)"
    before = containers()
    with Terminal(server, max_queue=1) as terminal:  # which reads nothing ahead
        terminal.init("python", script)
        assert wait_until(lambda: containers() - before, 10)
        assert wait_until(lambda: containers() <= before, 10)
        for _ in range(5):
            terminal.type("too late" * 20_000)
        time.sleep(0.2)
        assert terminal.rest()[-1]["code"] == 3
        assert terminal.closed == DONE


@pytest.mark.also_engine
@pytest.mark.attack(
    "request", "sessions whose client never hangs up", "closed; other requests go on"
)
def test_clients_that_never_hang_up_delay_no_others(serve: Callable[..., Server]) -> None:
    server = serve()
    assert call(server, "GET", "/").status_code == 200  # its worker has started
    upgrade = (
        b"GET /api/v2/connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            silent = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            silent.sendall(upgrade)
        end = time.monotonic() + 4  # beyond the time for an init, and that for a goodbye
        while time.monotonic() < end:
            started = time.monotonic()
            assert call(server, "GET", "/").status_code == 200
            assert time.monotonic() - started < 0.9
            time.sleep(0.05)


def test_a_message_that_is_too_large(serve: Callable[..., Server]) -> None:
    with Terminal(serve(max_body=100_000)) as terminal:
        terminal.init("bash", "x" * 100_001)
        assert terminal.rest() == []
        assert terminal.closed == (1009, "Message too large")


def test_an_engine_that_is_down(serve_without_engine: Callable[..., Server]) -> None:
    with Terminal(serve_without_engine()) as terminal:
        terminal.init("bash", "x")
        text = "The Docker engine does not answer. Try again later"
        assert terminal.rest() == [{"type": "error", "message": text}]
        assert terminal.closed == (1011, "Internal Error")


def test_what_is_no_websocket(server: Server) -> None:
    whole = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    for missing in (*whole, "all"):
        headers = {name: whole[name] for name in whole if missing not in (name, "all")}
        response = call(server, "GET", "/api/v2/connect", headers=headers)
        expected = (426, "This is a WebSocket: connect with one")
        assert (response.status_code, message(response)) == expected
        assert response.headers["Upgrade"] == "websocket"
    response = call(server, "GET", "/api/v2/runtimes", headers=whole)
    assert (response.status_code, message(response)) == (400, "The request can't be read")


def test_a_token_is_needed(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=SECRET)
    for headers, text in (
        ({}, b"A token is needed"),
        ({"Authorization": "Bearer wrong"}, b"no such token"),
    ):
        with (
            pytest.raises(InvalidStatus) as refused,
            Terminal(server, additional_headers=headers),
        ):
            pass
        response = refused.value.response
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert text in (response.body or b"")
    with Terminal(server, additional_headers={"Authorization": f"Bearer {SECRET}"}) as terminal:
        terminal.init("bash", "echo 1")
        assert output(terminal.rest()) == "1\n"


def test_a_token_as_a_browser_sends_it(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens=SECRET)
    for wrong in ("d3Jvbmc", SECRET, "A", ""):
        with (
            pytest.raises(InvalidStatus),
            Terminal(server, subprotocols=["bitrun", f"token.{wrong}"]),
        ):
            pass
    token = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    with Terminal(server, subprotocols=["bitrun", f"token.{token}"]) as terminal:
        assert terminal.websocket.subprotocol == "bitrun"
        terminal.init("bash", "echo 1")
        assert output(terminal.rest()) == "1\n"


# Clients that go, flood, or wait


def hang_up(terminal: Terminal) -> None:
    terminal.websocket.close()


def vanish(terminal: Terminal) -> None:
    """Go without a goodbye."""
    terminal.websocket.socket.shutdown(socket.SHUT_RDWR)
    terminal.websocket.socket.close()


def reset(terminal: Terminal) -> None:
    linger = struct.pack("ii", 1, 0)
    terminal.websocket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    vanish(terminal)


@pytest.mark.also_engine
@pytest.mark.parametrize("leave", [hang_up, vanish, reset])
@pytest.mark.parametrize(
    "script",
    [SLEEP, "print('ready', flush=True)\nwhile True: pass", "print('ready', flush=True); input()"],
)
@pytest.mark.attack("request", "sessions whose client vanishes", "the run ends with them")
def test_a_client_that_hangs_up_ends_its_run(
    server: Server,
    containers: Callable[[], set[str]],
    script: str,
    leave: Callable[[Terminal], None],
) -> None:
    before = containers()
    with Terminal(server) as terminal:
        terminal.init("python", script)
        terminal.printed("ready\n")
        ours = containers() - before
        assert ours
        leave(terminal)
        assert wait_until(lambda: not ours & containers(), 1)


@pytest.mark.also_engine
def test_a_client_that_hangs_up_while_compiling(
    serve: Callable[..., Server], tmp_path: Path, containers: Callable[[], set[str]]
) -> None:
    slow = package("slow", "bash", compile="sleep 60")
    server = serve(languages=write_catalogue(tmp_path, slow))
    before = containers()
    with Terminal(server) as terminal:
        terminal.init("slow", "x")
        terminal.until("stage")
        ours = containers() - before
        assert ours
        terminal.websocket.close()
        assert wait_until(lambda: not ours & containers(), 1)


def memory_of(server: Server) -> int:
    """Return the resident bytes of a server's only worker."""
    pid = server.process.pid
    worker = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.also_engine
@pytest.mark.parametrize("stage", ["compile", "run"])
@pytest.mark.attack(
    "request",
    "100 MB of stdin for a program that reads nothing",
    "the client has to wait; memory stays bounded",
)
def test_a_flood_that_nobody_reads_waits(
    serve: Callable[..., Server], tmp_path: Path, stage: str
) -> None:
    deaf = package("deaf", "bash", compile="true", run="true") | {}
    deaf["languages"][0][stage] = "sleep 2"
    server = serve(languages=write_catalogue(tmp_path, deaf))
    session(server, "deaf", "x", run_timeout=100, compile_timeout=100)
    before = memory_of(server)
    most = 0
    sent = 0
    with Terminal(server) as terminal:
        terminal.init("deaf", "x")
        terminal.until("stage")

        def flood() -> None:
            nonlocal sent
            with contextlib.suppress(ConnectionClosed):
                for _ in range(2000):
                    terminal.type("x" * 50_000)
                    sent += 50_000

        flooder = threading.Thread(target=flood)
        flooder.start()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            most = max(most, memory_of(server) - before)
            time.sleep(0.05)
        assert sent < 20_000_000
        terminal.rest()
        flooder.join()
        assert terminal.closed == DONE
    assert most < 20_000_000


def test_everything_sent_arrives_at_a_slow_reader(server: Server) -> None:
    """More than is held anywhere on the way, so the client has to wait."""
    script = "import sys, time\ntime.sleep(0.5)\nprint(len(sys.stdin.read()))"
    with Terminal(server) as terminal:
        terminal.init("python", script)
        for _ in range(100):
            terminal.type("x" * 50_000)
        terminal.send(type="eof")
        assert output(terminal.rest()) == "5000000\n"


@pytest.mark.also_engine
@pytest.mark.attack("request", "more sessions than there are places for", "closed with 1013")
def test_one_session_too_many(serve: Callable[..., Server]) -> None:
    server = serve(sessions=2)
    with Terminal(server) as first, Terminal(server) as second:
        for terminal in (first, second):
            terminal.init("python", SLEEP)
            terminal.printed("ready\n")
        for _ in range(3):
            with Terminal(server) as third:
                with contextlib.suppress(ConnectionClosed):
                    third.init("bash", "echo 1")
                assert third.rest() == []
                assert third.closed == (1013, "Too many sessions")
        assert run(server, "bash", "echo 1")["stdout"] == "1\n"
        first.websocket.close()

        def is_served() -> bool:
            with Terminal(server) as third, contextlib.suppress(ConnectionClosed):
                third.init("bash", "echo 1")
                return output(third.rest()) == "1\n"
            return False

        assert wait_until(is_served, 3)


@pytest.fixture
def hundred(
    serve: Callable[..., Server], containers: Callable[[], set[str]]
) -> Iterator[tuple[Server, list[Terminal]]]:
    """A service with a hundred programs that wait for a line."""
    server = serve(run_timeout=90_000, max_runs_per_client=200)
    before = containers()

    with contextlib.ExitStack() as stack:

        def start(_: int) -> Terminal:
            terminal = stack.enter_context(Terminal(server))
            terminal.init("bash", "echo ready; read line; echo $line")
            terminal.printed("ready\n")
            return terminal

        with ThreadPoolExecutor(8) as pool:
            terminals = list(pool.map(start, range(100)))
        yield server, terminals
    assert wait_until(lambda: containers() <= before, 20)


@pytest.mark.engine
def test_a_hundred_that_wait_starve_nobody(hundred: tuple[Server, list[Terminal]]) -> None:
    server, terminals = hundred
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        stages = pool.map(lambda n: run(server, "bash", f"echo {n}"), range(12))
        assert [stage["stdout"] for stage in stages] == [f"{n}\n" for n in range(12)]
    assert time.monotonic() - started < 12
    for number in (0, 50, 99):
        started = time.monotonic()
        terminals[number].type(f"{number}\n")
        terminals[number].printed(f"{number}\n")
        assert time.monotonic() - started < 1
