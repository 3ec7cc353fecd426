"""Verdicts of awkward and hostile programs in real boxes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bitrun.config.settings import MEBIBYTE
from bitrun.model.result import Outcome, Result

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Program:
    """A program and its expected verdict; `output` None accepts any output."""

    name: str
    script: str
    code: int | None = 0
    signal: str | None = None
    ended: Outcome = Outcome.OK
    oom_killed: bool = False
    output: bytes | None = b""
    package: str = "python"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """The outcome in the table of attacks."""
        if self.ended.is_limit:
            return f"ended at its limit ({self.ended.replace('_', ' ')}), with a true verdict"
        if self.oom_killed:
            return "killed, and reported as out of memory"
        return "a true verdict; nothing is left"


HOSTILE = ("leaves", "closes", "makes zombies", "orphans", "stops", "ignores", "floods", "is a")


def as_parameter(program: Program) -> Any:
    hostile = program.ended.is_limit or program.oom_killed or program.name.startswith(HOSTILE)
    marks = [pytest.mark.attack("program", program.name, program.outcome)] if hostile else []
    return pytest.param(program, id=program.name, marks=marks)


def killed(ended: Outcome = Outcome.MEMORY, *, oom: bool = False, **options: Any) -> dict[str, Any]:
    return {
        "code": None,
        "signal": "SIGKILL",
        "ended": ended,
        "oom_killed": oom,
        "options": options,
    }


def fatal(name: str) -> Program:
    # Python ignores some of them by default and catches others.
    reset = "" if name == "SIGKILL" else f"signal.signal(signal.{name}, signal.SIG_DFL)"
    script = f"import os, signal\n{reset}\nos.kill(os.getpid(), signal.{name})\nsignal.pause()"
    return Program(f"dies of {name}", script, code=None, signal=name, ended=Outcome.SIGNAL)


LINES = 10_000
PROGRAMS = [
    Program("says hello", "print('hi')", output=b"hi\n"),
    Program("exits 3", "raise SystemExit(3)", code=3, ended=Outcome.EXIT),
    Program("exits 255", "raise SystemExit(255)", code=255, ended=Outcome.EXIT),
    *(
        fatal(name)
        for name in (
            "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV "
            "SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGIO SIGPWR SIGSYS"
        ).split()
    ),
    Program(
        "crashes in C", "import ctypes; ctypes.string_at(0)",
        code=None, signal="SIGSEGV", ended=Outcome.SIGNAL,
    ),
    Program("sleeps past its limit", "import time; time.sleep(60)", **killed(Outcome.WALL_TIME, wall_ms=300)),
    Program("spins past its wall time", "while True: pass", **killed(Outcome.WALL_TIME, wall_ms=300)),
    Program("spins past its CPU time", "while True: pass", **killed(Outcome.CPU_TIME, cpu_ms=300)),
    Program(
        "spins in children past its CPU time",
        "import os\nfor _ in range(3): os.fork()\nwhile True: pass",
        **killed(Outcome.CPU_TIME, cpu_ms=300),
    ),
    Program(
        "ignores every signal and sleeps",
        "import signal, time\nfor n in range(1, 65):\n"
        "  if n not in (9, 19, 32, 33): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)",
        **killed(Outcome.WALL_TIME, wall_ms=300),
    ),
    Program(
        "stops itself", "import os; os.kill(os.getpid(), 19)", **killed(Outcome.WALL_TIME, wall_ms=300)
    ),
    Program(
        "leaves a child that holds stdout open", "sleep 60 & echo done",
        output=b"done\n", package="bash",
    ),
    Program(
        "leaves a daemon in a session of its own",
        "(setsid sleep 60 </dev/null & disown); echo done", output=b"done\n", package="bash",
    ),
    Program(
        "closes its streams and sleeps on", "exec <&- >&- 2>&-; sleep 0.3; exit 7",
        code=7, ended=Outcome.EXIT, package="bash",
    ),
    Program(
        "closes its streams and sleeps too long", "exec <&- >&- 2>&-; sleep 60",
        package="bash", **killed(Outcome.WALL_TIME, wall_ms=300),
    ),
    Program(
        "writes to both streams in turn",
        f"import os\nfor i in range({LINES}): os.write(1, b'o%d\\n' % i); os.write(2, b'e%d\\n' % i)",
        output=b"".join(b"o%d\ne%d\n" % (i, i) for i in range(LINES)),
        options={"merge": True, "output": MEBIBYTE},
    ),
    Program(
        "reads stdin to its end", "import sys; print(len(sys.stdin.buffer.read()))",
        output=b"3000000\n", options={"stdin": b"x" * 3_000_000},
    ),
    Program(
        "reads less than it is given", "print(input())",
        output=b"a\n", options={"stdin": b"a\n" * 2_000_000},
    ),
    Program(
        "writes just under the cap", "import os; os.write(1, b'x' * 65535)", output=b"x" * 65535
    ),
    Program("writes just the cap", "import os; os.write(1, b'x' * 65536)", output=b"x" * 65536),
    Program(
        "writes one byte over the cap", "import os; os.write(1, b'x' * 65537)",
        output=b"x" * 65536, **killed(Outcome.STDOUT),
    ),
    Program(
        "floods stdout", "while True: print('y' * 1000)",
        output=(b"y" * 1000 + b"\n") * 65 + b"y" * 471, **killed(Outcome.STDOUT),
    ),
    Program(
        "floods stderr", "import os\nwhile True: os.write(2, b'y' * 4096)",
        output=b"y" * 65536, **killed(Outcome.STDERR),
    ),
    Program("hogs memory", "x = bytearray(10**9)", **killed(oom=True)),
    Program(
        "hogs memory by and by", "x = []\nwhile True: x.append(bytearray(10**6))", **killed(oom=True)
    ),
    Program(
        "hogs memory in a child, and says so",
        "import subprocess, sys\n"
        "r = subprocess.run([sys.executable, '-c', 'bytearray(10**9)'])\nprint(r.returncode)",
        oom_killed=True, output=b"-9\n",
    ),
    Program(
        "is a fork bomb", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
        **killed(Outcome.WALL_TIME, wall_ms=1000),
    ),
    Program(
        "makes zombies",
        "import os\nfor _ in range(50):\n  if not os.fork(): os._exit(0)\nprint('made')",
        output=b"made\n",
    ),
    Program(
        "orphans a thousand children",
        "import os, time\nfor _ in range(1000):\n  if not os.fork():\n    os.fork(); os._exit(0)\n"
        "  os.wait()\nprint('made')",
        output=b"made\n", options={"wall_ms": 20000},
    ),
]  # fmt: skip


@pytest.mark.parametrize("program", [as_parameter(each) for each in PROGRAMS])
def test_verdict(run: Callable[..., Result], program: Program) -> None:
    interpreter = {"python": ("python3", "-c"), "bash": ("bash", "-c")}[program.package]
    started = time.monotonic()
    result = run(program.package, *interpreter, program.script, **program.options)
    took = time.monotonic() - started
    verdict = result.last.verdict
    assert (verdict.code, verdict.signal, verdict.outcome) == (
        program.code,
        program.signal,
        program.ended,
    ), result.last
    assert verdict.oom_killed is program.oom_killed
    if program.output is not None:
        assert result.last.output == program.output
    if program.ended is Outcome.WALL_TIME:
        limit = program.options["wall_ms"]
        assert isinstance(limit, int)
        assert limit <= verdict.wall_ms < limit + 100
        assert took < limit / 1000 + 5


def test_memory_is_reported(run: Callable[..., Result]) -> None:
    small = run("python", "python3", "-c", "pass", memory=256 * MEBIBYTE).last.verdict
    large = run("python", "python3", "-c", "bytearray(10**8)", memory=256 * MEBIBYTE).last.verdict
    assert 3 * MEBIBYTE < small.memory < 40 * MEBIBYTE
    assert 10**8 < large.memory < 10**8 + 40 * MEBIBYTE


def test_cpu_time_counts_all_processes(run: Callable[..., Result]) -> None:
    script = (
        "import os, time\npids = [os.fork() for _ in range(2)]\n"
        "end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
        "if 0 not in pids: os.wait(); os.wait()"
    )
    verdict = run("python", "python3", "-c", script).last.verdict
    assert 500 < verdict.cpu_ms < 1500


def test_order_of_fatal_and_final_output(run: Callable[..., Result]) -> None:
    """Output written before a crash is never lost."""
    script = "import os; os.write(1, b'x' * 60000); os.abort()"
    for _ in range(5):
        result = run("python", "python3", "-c", script)
        assert result.last.verdict.signal == "SIGABRT"
        assert len(result.last.output) == 60000
