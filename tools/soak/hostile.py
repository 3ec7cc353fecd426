"""Hostile programs, each with the exact verdict and output that it must end with."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from bitrun.model.result import Outcome, Result
from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, TimedOut, WrongAnswer

GROUP = "hostile programs"

_WALL_MS, _CPU_MS = 1000, 500

_REPORT = "code=0\nsignal=0\nlimit=none\noom=0\nwall_us=1\ncpu_us=1\nmemory=1\n"
_FORGED = f"v\0\0\0{chr(len(_REPORT))}{_REPORT}"  # a frame as the supervisor writes it


@dataclass(frozen=True, slots=True)
class Program:
    """A program, its limits and its expected end.

    `output` is that of both streams; None accepts any.
    """

    name: str
    source: str
    language: str = "python"
    outcome: Outcome = Outcome.OK
    ended_with: int | str | None = None  # exit code or signal; None accepts any
    output: str | None = None
    wall_ms: int = 20_000
    cpu_ms: int = 20_000


def _endless(name: str, source: str, language: str = "python") -> Program:
    """Return a program that runs until its wall time limit."""
    return Program(name, source, language, Outcome.WALL_TIME, wall_ms=_WALL_MS)


_PROGRAMS = (
    _endless("fork bomb", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"),
    _endless(
        "thread bomb",
        "import threading, time\nwhile True:\n"
        "  try: threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "  except RuntimeError: time.sleep(0.01)",
    ),
    _endless("stops itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
    _endless(
        "ignores every signal",
        "import signal, time\nfor n in range(1, 65):\n"
        "  if n not in (9, 19, 32, 33): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)",
    ),
    Program(
        "spins on all processors",
        "import os\nfor _ in range(3): os.fork()\nwhile True: pass",
        outcome=Outcome.CPU_TIME,
        cpu_ms=_CPU_MS,
    ),
    Program(
        "hogs memory",
        "x = []\nwhile True: x.append(bytearray(10**7))",
        outcome=Outcome.MEMORY,
    ),
    Program(
        "fills its disk",
        "import errno\nnumber = 0\ntry:\n  while True:\n    number += 1\n"
        "    with open(f'/tmp/{number}', 'wb') as file: file.write(bytes(9_000_000))\n"
        "except OSError as error: print(errno.errorcode[error.errno], number)",
        output="ENOSPC 8\n",
    ),
    Program(
        "uses up all inodes",
        "import errno\ntry:\n  for n in range(10**6): open(f'/tmp/{n}', 'w').close()\n"
        "except OSError as error: print(errno.errorcode[error.errno])",
        output="ENOSPC\n",
    ),
    Program(
        "uses up all descriptors",
        "import errno, os\ntry:\n  while True: os.dup(0)\n"
        "except OSError as error: print(errno.errorcode[error.errno])",
        output="EMFILE\n",
    ),
    Program(
        "fills 400 socket buffers",
        "import socket\nkept = []\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "for _ in range(200):\n"
        "  for end in (socket.create_connection(server.getsockname()), server.accept()[0]):\n"
        "    end.setblocking(False)\n    kept.append(end)\n    try:\n"
        "      while True: end.send(bytes(1 << 20))\n    except BlockingIOError: pass\n"
        "print(len(kept))",
        output="400\n",
    ),
    Program(
        "asks for every pseudo-terminal of the host",
        "import errno, os\ntry:\n  while True: os.open('/dev/ptmx', os.O_RDWR)\n"
        "except OSError as error: print(errno.errorcode[error.errno])",
        output="EACCES\n",
    ),
    Program(
        "writes the host's disks out",
        "import os\nfor _ in range(10_000): os.sync()\nprint('done')",
        output="done\n",
    ),
    Program(
        "fills /dev/shm",
        "import errno\ntry:\n  with open('/dev/shm/all', 'wb') as file:\n"
        "    for _ in range(100): file.write(bytes(10**6))\n"
        "except OSError as error: print(errno.errorcode[error.errno])",
    ),
    Program(
        "floods stdout",
        "while True: print('y' * 1000)",
        outcome=Outcome.STDOUT,
        output=("y" * 1000 + "\n") * 65 + "y" * 471,
    ),
    Program(
        "floods stderr byte by byte",
        "import os\nwhile True: os.write(2, b'y')",
        outcome=Outcome.STDERR,
        output="y" * 65536,
    ),
    Program(
        "leaves a daemon that holds its streams open",
        "(setsid sleep 60 & disown); echo done",
        "bash",
        output="done\n",
    ),
    Program(
        "closes its streams",
        "exec <&- >&- 2>&-; sleep 0.2; exit 7",
        "bash",
        outcome=Outcome.EXIT,
        ended_with=7,
        output="",
    ),
    Program(
        "kills its supervisor and all other processes",
        "import errno, os\nfor victim in (1, -1):\n  try: os.kill(victim, 9)\n"
        "  except OSError as error: print(errno.errorcode[error.errno])",
        output="EPERM\nESRCH\n",
    ),
    Program(
        "forges a verdict",
        f"import os, sys\nfor fd in range(1, 1024):\n  try: os.write(fd, {_FORGED.encode()!r})\n"
        "  except OSError: pass\nsys.exit(5)",
        outcome=Outcome.EXIT,
        ended_with=5,
        output=_FORGED * 2,
    ),
    Program(
        "crashes",
        "import ctypes; ctypes.string_at(0)",
        outcome=Outcome.SIGNAL,
        ended_with="SIGSEGV",
        output="",
    ),
    Program(
        "makes zombies",
        "import os\nfor _ in range(50):\n  if not os.fork(): os._exit(0)\nprint('made')",
        output="made\n",
    ),
)


def attempts(client: ApiClient, languages: set[str]) -> Iterator[Attempt]:
    """Yield the programs of the installed `languages`, by `/execute` and in sessions."""
    for program in _PROGRAMS:
        if program.language in languages:
            yield Attempt(GROUP, program.name, partial(_execute, client, program))
            yield Attempt(GROUP, program.name, partial(_session, client, program))


def _execute(client: ApiClient, program: Program) -> None:
    check(program, client.execute(_body(program)))


def _session(client: ApiClient, program: Program) -> None:
    check(program, client.session(_body(program), ""))


def _body(program: Program) -> dict[str, Any]:
    return {
        "language": program.language,
        "version": "*",
        "files": [{"content": program.source}],
        "run_timeout": program.wall_ms,
        "run_cpu_time": program.cpu_ms,
    }


def check(program: Program, result: Result) -> None:
    """Check the result of a hostile program. Raises as `honest.check` does."""
    last = result.last
    verdict = last.verdict
    used = {
        Outcome.WALL_TIME: (verdict.wall_ms, program.wall_ms),
        Outcome.CPU_TIME: (verdict.cpu_ms, program.cpu_ms),
    }
    if verdict.outcome in used:
        took, allowed = used[verdict.outcome]
        if took < allowed:
            raise WrongAnswer(f"ended after {took} ms by a limit of {allowed} ms")
        if verdict.outcome is not program.outcome:
            raise TimedOut
    ended_with = verdict.signal or verdict.code
    if verdict.outcome is not program.outcome or program.ended_with not in (None, ended_with):
        raise WrongAnswer(
            f"{verdict.outcome}, {ended_with}, {last.output[-300:]!r} "
            f"instead of {program.outcome}, {program.ended_with}"
        )
    if program.output is not None and last.output.decode() != program.output:
        raise WrongAnswer(f"printed {last.output[-300:]!r} instead of {program.output[-300:]!r}")
