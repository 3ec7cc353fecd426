"""Piston v2: what a stage's reply says of its program, verdict by verdict."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bitrun.config.settings import MEBIBYTE
from tests.support.piston import reply, run
from tests.support.server import Server

CAP = 65536
MEASURED = ("memory", "cpu_time", "wall_time")

SLEEP = "import time; time.sleep(60)"
SPIN = "while True: pass"


def killed_at(limit: str, status: str, message: str) -> dict[str, Any]:
    return {
        "code": None,
        "signal": "SIGKILL",
        "status": status,
        "message": message,
        "verdict": limit,
    }


def said(stage: dict[str, Any]) -> dict[str, Any]:
    """Drop what is measured, what the program wrote, and the sentence of `test_details`."""
    return {
        name: value
        for name, value in stage.items()
        if name not in (*MEASURED, "stdout", "stderr", "output", "detail")
    }


@pytest.mark.parametrize("code", [1, 3, 126, 127, 139, 255])
def test_a_failure(server: Server, code: int) -> None:
    assert said(run(server, "bash", f"exit {code}")) == {
        "code": code,
        "signal": None,
        "status": "RE",
        "message": f"Exited with error status {code}",
        "verdict": "exit",
    }


FATAL = [number for number in signal.Signals if number not in (
    # What these do to a program by default is no end.
    signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH,
    signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
    signal.SIGRTMIN, signal.SIGRTMAX,
)]  # fmt: skip


@pytest.mark.also_engine
def test_every_signal(server: Server) -> None:
    def killed(number: signal.Signals) -> dict[str, Any]:
        default = "" if number == signal.SIGKILL else f"signal.signal({number}, signal.SIG_DFL);"
        return run(server, "python", f"import os, signal; {default} os.kill(os.getpid(), {number})")

    with ThreadPoolExecutor(4) as pool:
        stages = list(pool.map(killed, FATAL))
    assert len(stages) > 15
    for number, stage in zip(FATAL, stages, strict=True):
        assert said(stage) == {
            "code": None,
            "signal": number.name,
            "status": "SG",
            "message": f"Caught fatal signal {number.value}",
            "verdict": "signal",
        }


def test_a_crash_in_c(server: Server) -> None:
    body = reply(server, "c", "int main() { return *(volatile int *)0; }")
    assert said(body["run"]) == {
        "code": None,
        "signal": "SIGSEGV",
        "status": "SG",
        "message": "Caught fatal signal 11",
        "verdict": "signal",
    }
    assert body["run"]["output"] == ""


@pytest.mark.parametrize(
    "limit",
    [100, 300, *(pytest.param(each, marks=pytest.mark.engine) for each in (100, 300, 1000))],
)
@pytest.mark.parametrize("script", [SLEEP, SPIN])
def test_wall_time(server: Server, limit: int, script: str) -> None:
    over = []
    for _ in range(3):
        stage = run(server, "python", script, run_timeout=limit)
        assert said(stage) == killed_at("wall_time", "TO", "Time limit exceeded (wall clock)")
        over.append(stage["wall_time"] - limit)
    # The promise is that of the machine at rest, and others may use this one.
    assert min(over) >= 0
    assert min(over) <= 20, over


@pytest.mark.parametrize(
    "script",
    [
        SPIN,
        pytest.param(f"import os; os.fork(); os.fork()\n{SPIN}", marks=pytest.mark.engine),
    ],
)
def test_cpu_time(server: Server, script: str) -> None:
    over = []
    for _ in range(2):
        stage = run(server, "python", script, run_cpu_time=200)
        assert said(stage) == killed_at("cpu_time", "TO", "Time limit exceeded")
        over.append(stage["cpu_time"] - 200)
    assert min(over) >= 0
    assert min(over) <= 20, over


def test_sleeping_takes_no_cpu_time(server: Server) -> None:
    stage = run(server, "bash", "sleep 0.5; echo ok", run_cpu_time=300)
    assert (stage["stdout"], stage["status"]) == ("ok\n", None)
    assert stage["wall_time"] >= 500
    assert stage["cpu_time"] < 300


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("number", "stream", "other", "status"),
    [(1, "stdout", "stderr", "OL"), (2, "stderr", "stdout", "EL")],
)
def test_the_output_cap(server: Server, number: int, stream: str, other: str, status: str) -> None:
    write = (
        f"import os\nwrite = lambda n: os.write({number}, b'x' * n)\nos.write({3 - number}, b'-')\n"
    )
    stage = run(server, "python", f"{write}write({CAP})")
    assert (stage["status"], stage[stream], stage[other]) == (None, "x" * CAP, "-")
    for script in (f"write({CAP + 1})", "while True: write(1000)", "while True: write(1 << 20)"):
        stage = run(server, "python", write + script)
        message = f"{stream} length exceeded"
        assert said(stage) == killed_at(stream, status, message)
        # What fitted is kept, and nothing of ours is added.
        assert (stage[stream], stage[other]) == ("x" * CAP, "-")
        assert stage["output"] == "-" + "x" * CAP


def test_the_output_cap_is_a_setting(serve: Callable[..., Server]) -> None:
    stage = run(serve(output_limit=10), "bash", "echo 123456789; echo more")
    assert said(stage) == killed_at("stdout", "OL", "stdout length exceeded")
    assert stage["output"] == "123456789\n"


@pytest.mark.engine
@pytest.mark.parametrize(
    "script", ["x = bytearray(10**9)", "x = []\nwhile True: x.append(bytearray(10**6))"]
)
def test_out_of_memory(server: Server, script: str) -> None:
    for limit in (256 * MEBIBYTE, 40_000_000):
        stage = run(
            server, "python", "print('before', flush=True)\n" + script, run_memory_limit=limit
        )
        assert said(stage) == killed_at("memory", "SG", "Memory limit exceeded") | {
            "oom_killed": True
        }
        assert stage["stdout"] == "before\n"
        assert limit * 0.9 < stage["memory"] <= limit


@pytest.mark.engine
def test_out_of_memory_in_a_child(server: Server) -> None:
    hog = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(10**9)'])"
    assert said(run(server, "python", f"{hog}; sys.exit(5)")) == {
        "code": 5,
        "signal": None,
        "status": "RE",
        "message": "Memory limit exceeded",
        "verdict": "memory",
        "oom_killed": True,
    }


@pytest.mark.engine
def test_a_program_copes_with_a_child_that_ran_out_of_memory(server: Server) -> None:
    script = "tail /dev/zero; echo $?"
    stage = run(server, "bash", script)
    assert said(stage) == {
        "code": 0,
        "signal": None,
        "status": None,
        "message": None,
        "verdict": "ok",
        "oom_killed": True,
    }
    assert (stage["detail"], stage["stdout"]) == (None, "137\n")
    response = server.run(filename="a.sh", content=script)
    assert response.text.endswith("137\n")
    assert response.headers["X-Run-Verdict"] == "ok"
    assert "X-Run-Message" not in response.headers


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("script", "limits", "detail"),
    [
        ("sleep 9", {"run_timeout": 100}, "Time limit exceeded: 100 ms of wall time"),
        ("while :; do :; done", {"run_cpu_time": 50}, "Time limit exceeded: 50 ms of CPU time"),
        ("yes", {"run_output_limit": 10}, "Output limit exceeded: 10 bytes on stdout"),
        ("yes >&2", {"run_output_limit": 10}, "Output limit exceeded: 10 bytes on stderr"),
        ("kill -SEGV $$", {}, "Caught fatal signal 11 (SIGSEGV)"),
        ("exit 3", {}, "Exited with error status 3"),
        (":", {}, None),
    ],
)
def test_details(server: Server, script: str, limits: dict[str, int], detail: str | None) -> None:
    assert run(server, "bash", script, **limits)["detail"] == detail


@pytest.mark.also_engine
def test_killing_itself_is_not_running_out_of_memory(server: Server) -> None:
    assert "oom_killed" not in run(server, "bash", "kill -9 $$")


@pytest.mark.also_engine
def test_memory_and_cpu_time_are_measured(server: Server) -> None:
    script = "import time\nx = bytearray(10**8)\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    stage = run(server, "python", script)
    assert 10**8 < stage["memory"] < 1.4 * 10**8
    assert 300 <= stage["cpu_time"] < 1000
    assert stage["cpu_time"] * 0.9 <= stage["wall_time"] < 3000


# What was written


def test_bytes_that_are_no_text(server: Server) -> None:
    stage = run(server, "bash", r"printf 'a\xff\xc3(\xf0\x9f' ; printf '\xe9\0' >&2")
    assert stage["stdout"] == "a\ufffd\ufffd(\ufffd"
    assert stage["stderr"] == "\ufffd\0"


def test_a_character_written_byte_by_byte(server: Server) -> None:
    """Each half is read on its own, as a look at the clock shows."""
    script = """
import os, time
for byte in "é🦊".encode():
    for stream in (1, 2):
        os.write(stream, bytes([byte]))
        time.sleep(0.02)
"""
    stage = run(server, "python", script)
    assert (stage["stdout"], stage["stderr"]) == ("é🦊", "é🦊")
    assert stage["output"] == "éé🦊🦊"


def test_text_across_the_sizes_of_buffers(server: Server) -> None:
    """Whatever is read at once, no three-byte character breaks on its edge."""
    stage = run(server, "python", f"print('x' + '日' * {CAP // 3 - 1}, end='')")
    assert stage["stdout"] == stage["output"] == "x" + "日" * (CAP // 3 - 1)


LINES = 3000
IN_TURN = "".join(f"o{n}\ne{n}\n" for n in range(LINES))
PRINT = f"""
import sys
for n in range({LINES}):
    print(f"o{{n}}", flush=True)
    print(f"e{{n}}", file=sys.stderr)
"""
WRITE = (
    f"import os\nfor n in range({LINES}): os.write(1, b'o%d\\n' % n); os.write(2, b'e%d\\n' % n)"
)
ECHO = f"for ((n = 0; n < {LINES}; n++)); do echo o$n; echo e$n >&2; done"


@pytest.mark.also_engine
@pytest.mark.parametrize(
    ("language", "script"), [("python", PRINT), ("python", WRITE), ("bash", ECHO)]
)
def test_output_keeps_its_order(server: Server, language: str, script: str) -> None:
    for _ in range(3):
        stage = run(server, language, script)
        assert stage["output"] == IN_TURN
        assert stage["stdout"] == "".join(f"o{n}\n" for n in range(LINES))
        assert stage["stderr"] == "".join(f"e{n}\n" for n in range(LINES))
