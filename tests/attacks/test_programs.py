"""Hostile programs, sent to a real service through its API; each is a file of `programs/`.

A test passes if the program reports that nothing got through, its verdict is true, nothing of it
remains, and the next program's answer is right.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.piston import execute, package, run, write_catalogue
from tests.support.scale import scaled
from tests.support.server import REUSES_BOXES, Server
from tests.support.terminal import Terminal, shown

pytestmark = pytest.mark.engine

FOLDER = Path(__file__).parent / "programs"
# Long limits, since machines differ and these tests are not about time.
LONG = str(round(scaled(20_000)))
LONG_LIMITS = {"BITRUN_RUN_TIMEOUT": LONG, "BITRUN_RUN_CPU_TIME": LONG}
HEADER = {"name": "refused.h", "content": (FOLDER / "refused.h").read_text()}


@pytest.fixture(scope="module")
def long_limits() -> Iterator[Server]:
    server = Server(LONG_LIMITS)
    yield server
    server.stop()


def send(server: Server, name: str, *arguments: str, **fields: Any) -> dict[str, Any]:
    """Run a hostile program and return its reply, or that of its compiler if it does not compile."""
    path = FOLDER / name
    files = [{"name": name, "content": path.read_text()}]
    if path.suffix == ".c":
        files.append(HEADER)
    body = {"version": "*", "language": path.suffix[1:], "files": files, "args": arguments}
    response = execute(server, body | fields)
    assert response.status_code == 200, response.text
    stage: dict[str, Any] = response.json()["run"]
    return stage


def hello(server: Server) -> float:
    """Run a harmless program, and return the seconds until its answer, which must be right."""
    started = time.monotonic()
    stage = run(server, "python", "print('hi')")
    assert (stage["stdout"], stage["stderr"], stage["code"]) == ("hi\n", "", 0)
    return time.monotonic() - started


@dataclass(frozen=True)
class Escape:
    """A program that tries to get out of its box, its row in the table, and its expected end."""

    file: str
    name: str
    outcome: str
    output: str = "done\n"
    code: int | None = 0
    signal: str | None = None


ESCAPES = [
    Escape("namespaces.c", "a new namespace, by unshare, clone, clone3 or setns", "refused by the seccomp profile", "43 of 43 refused\n"),
    Escape("mounts.c", "mounting, remounting, unmounting, chroot, pivot_root", "refused by the seccomp profile", "14 of 14 refused\n"),
    Escape("forbidden_calls.c", "io_uring, userfaultfd, bpf, perf, keyrings, ptrace, modules, kexec, the clock and 40 other system calls", "refused by the seccomp profile", "51 of 51 refused\n"),
    Escape("sockets.c", "raw, packet, vsock, netlink, SCTP and all other sockets but unix, TCP and UDP", "refused by the seccomp profile", "219 of 219 refused\n"),
    Escape("int80.c", "the kernel's 32-bit entry", "killed by SIGSYS", "", None, "SIGSYS"),
    Escape("x32.c", "the kernel's x32 entry", "killed by SIGSYS", "", None, "SIGSYS"),
    Escape("privileges.py", "root by setuid, setuid files, capabilities; device nodes", "no id, no capability, no device but null, zero, random and the like"),
    Escape("proc_and_sys.py", "writing to /proc and /sys; the kernel's log, memory and addresses", "only a program's own entries can be written; no secret can be read"),
    Escape("network.py", "other boxes, the host, the engine's bridge, metadata addresses, the internet, names", "only loopback, and that within the box"),
    Escape("host.py", "files, sockets, the engine's socket, processes and variables of the host", "none there; nothing can be written but the box's own memory"),
    Escape("supervisor.py", "stopping, killing, tracing, reading, slowing or replacing the supervisor", "refused"),
    Escape("forge.py", "forged frames on every descriptor, and a false exit", "passed on as output; the verdict stays true", code=3),
]  # fmt: skip


@pytest.mark.parametrize(
    "escape",
    [
        pytest.param(it, id=it.file, marks=pytest.mark.attack("program", it.name, it.outcome))
        for it in ESCAPES
    ],
)
def test_nothing_gets_out(long_limits: Server, escape: Escape) -> None:
    stage = send(long_limits, escape.file, str(long_limits.port))
    assert (stage["code"], stage["signal"]) == (escape.code, escape.signal), stage
    if escape.file == "forge.py":
        assert "wrote to" not in stage["output"]
        assert "code=0" in stage["stdout"]
        assert "code=0" in stage["stderr"]
    else:
        assert (stage["stdout"], stage["stderr"]) == (escape.output, "")
    hello(long_limits)


@pytest.mark.attack(
    "program",
    "a folder of fifos, sockets, links out and in circles, gigabytes of holes, hostile names and as many "
    "files as there is room for, all of which the service is to send",
    "only its own regular files are sent, within the limits; the rest is named",
)
def test_nothing_but_its_own_files_is_sent(long_limits: Server) -> None:
    name = "output_files.py"
    files = [{"name": name, "content": (FOLDER / name).read_text()}]
    body = {"language": "py", "version": "*", "files": files, "output_files": ["**"]}
    reply = execute(long_limits, body).json()
    assert (reply["run"]["stdout"], reply["run"]["stderr"]) == ("done\n", "")
    assert 0 < len(reply["files"]) <= 100
    for file in reply["files"]:
        assert file["name"].startswith(("many", "changing"))
        assert file["content"] in ("mine\n", "")
    reasons = {dropped["reason"] for dropped in reply["files_dropped"]}
    assert reasons >= {"count", "unlisted"}
    few = {"output_files": ["[!m]*", "zero/*", "root/etc/*", "deep/**"]}
    reply = execute(long_limits, body | few).json()
    sent = {file["name"] for file in reply["files"]}
    assert sent <= {"changing"}
    dropped = {(each["name"], each["reason"]) for each in reply["files_dropped"]}
    assert dropped >= {
        *((each, "not_regular") for each in ("fifo", "socket", "out", "zero", "root", "circle",
                                             "self", "proc", "fifo-link")),
        *((f"sparse{number}", "file_size") for number in range(20)),
        *((each, "name") for each in ("line\nend", "\ufffd", "\x1b[2J", "\u202e")),
        ("closed", "unreadable"),
        ("/".join(["deep"] * 32), "depth"),
    }  # fmt: skip
    hello(long_limits)


def test_the_catalogue_opens_the_32_bit_entry(serve: Callable[..., Server], tmp_path: Path) -> None:
    commands = {"suffix": "c", "compile": "gcc -o main %s", "run": "./main"}
    server = serve(languages=write_catalogue(tmp_path, package("c", "gcc", i386=True, **commands)))
    stage = send(server, "int80.c")
    assert (stage["signal"], stage["status"]) == (None, "RE"), stage  # it returns its pid
    assert send(server, "x32.c")["signal"] == "SIGSYS"


@pytest.mark.attack(
    "program",
    "reading what an earlier run has left in files, memory, queues, sockets, processes",
    "nothing is left, and the uid differs",
)
def test_nothing_of_an_earlier_run(long_limits: Server) -> None:
    left = send(long_limits, "residue.py", "leave", "go")
    found = send(long_limits, "residue.py", "find")
    assert left["code"] == found["code"] == 0, (left, found)
    assert left["stdout"].strip().isdigit()
    assert found["stdout"].strip().isdigit()
    assert left["stdout"] != found["stdout"] or REUSES_BOXES


@pytest.mark.attack(
    "program", "reading files, memory, sockets and processes of a concurrent run", "not visible"
)
def test_nothing_of_a_concurrent_run(long_limits: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        stays = pool.submit(
            send, long_limits, "residue.py", "leave", "stay", run_timeout=round(scaled(5000))
        )
        time.sleep(scaled(2.5))
        found = send(long_limits, "residue.py", "find")
        assert not stays.done()
        assert found["stdout"].strip().isdigit(), found
        assert stays.result()["status"] == "TO"


@pytest.mark.attack(
    "program",
    "having the kernel kill the supervisor as memory runs out",
    "reported as out of memory",
)
def test_the_supervisor_is_killed_as_memory_runs_out(long_limits: Server) -> None:
    stage = send(long_limits, "oom_supervisor.c")
    assert stage["output"] == ""
    assert (stage["status"], stage["signal"], stage["oom_killed"]) == ("SG", "SIGKILL", True)
    assert stage["message"] == "Memory limit exceeded"
    assert stage["cpu_time"] == 0, "the supervisor survived: the attack must be repaired"
    hello(long_limits)


# Resources outside the limits of a container's cgroup


@pytest.fixture(scope="module")
def charges_sockets(docker_client: docker.APIClient) -> bool:
    """Whether the engine's cgroup charges TCP and UDP: v2 does."""
    return bool(docker_client.info().get("CgroupVersion") == "2")


IN_SOCKETS = (
    "out of memory, at the memory limit and a tenth; on cgroup v2 by the kernel's own limits"
)
QUEUES = [
    ("tcp", "memory in full TCP connections"),
    ("segments", "memory in TCP segments of one byte"),
    ("reset", "memory in TCP connections after a reset, which no table shows"),
    ("backlog", "memory in TCP connections that nobody accepts"),
    ("udp", "memory in UDP sockets"),
    ("disconnected", "memory in UDP sockets after a disconnection, which no table shows"),
    ("netlink", "memory in answers of netlink that nobody reads"),
]


@pytest.mark.parametrize(
    "queue",
    [
        pytest.param(queue, id=queue, marks=pytest.mark.attack("program", name, IN_SOCKETS))
        for queue, name in QUEUES
    ],
)
def test_memory_in_sockets(long_limits: Server, charges_sockets: bool, queue: str) -> None:
    memory = 64 << 20
    stage = send(long_limits, "socket_memory.py", queue, "100000", run_memory_limit=memory)
    if charges_sockets and queue != "netlink":
        assert stage["status"] in (None, "SG"), stage
    else:
        assert (stage["signal"], stage["oom_killed"]) == ("SIGKILL", True), stage
        assert (stage["status"], stage["message"]) == ("SG", "Memory limit exceeded")
        assert stage["memory"] == memory + memory // 10
    hello(long_limits)


def test_memory_in_sockets_below_the_limit(long_limits: Server, charges_sockets: bool) -> None:
    stage = send(long_limits, "socket_memory.py", "tcp", "200")
    assert (stage["stdout"], stage["code"]) == ("200\n", 0), stage
    if not charges_sockets:
        assert 30_000_000 < stage["memory"] < 150_000_000


@pytest.mark.attack(
    "program",
    "kernel memory by socket options: filters, time stamps, IPv6 multicast; reports of the kernel by IPv4 multicast; interrupts of all processors by encapsulation; protocols above TCP",
    "refused by the supervisor's seccomp filter",
)
def test_socket_options_that_take_memory(long_limits: Server) -> None:
    assert send(long_limits, "socket_memory.py", "options")["stdout"] == "EPERM " * 7 + "EPERM\n"


def test_servers_on_loopback_work(long_limits: Server) -> None:
    """Through one connection 100 MB, then 300 connections at once."""
    started = time.monotonic()
    stage = send(long_limits, "loopback.py")
    assert (stage["stdout"], stage["code"]) == ("100000000\n300\n", 0), stage
    assert time.monotonic() - started < scaled(5)


@pytest.mark.attack(
    "program", "all pseudo-terminals of the host", "none; only a language with `ptys` may open them"
)
def test_no_pseudo_terminals(long_limits: Server) -> None:
    assert send(long_limits, "terminals.py", "5000")["stdout"] == "Permission denied\n0\n"


@pytest.mark.attack(
    "program", "more pseudo-terminals of the host than its session has asked for", "none"
)
def test_a_program_with_a_terminal_opens_no_others(long_limits: Server) -> None:
    with Terminal(long_limits) as terminal:
        source = (FOLDER / "terminals.py").read_text()
        terminal.init("python", source, args=["5000"], tty={"rows": 24, "columns": 80})
        lines = shown(terminal.rest()).split("\r\n")
    own = ["/dev/tty opened", "/dev/pts/0 opened"]
    assert lines == ["Permission denied", *own, "0", ""]


def test_the_catalogue_opens_pseudo_terminals(serve: Callable[..., Server], tmp_path: Path) -> None:
    languages = write_catalogue(tmp_path, package("py", "python", ptys=True, run="python3 -B %s"))
    stage = send(serve(languages=languages), "terminals.py", "3")
    assert stage["stdout"] == "/dev/pts/ptmx opened\n3\n", stage


# Exhaustion


@dataclass(frozen=True)
class Hog:
    """A program that exhausts a resource, and its verdict."""

    file: str
    name: str
    status: str | None
    oom_killed: bool = False
    output: str | None = ""


HOGS = [
    Hog("fork_bomb.py", "fork bomb", "TO"),
    Hog("thread_bomb.py", "thread bomb", "TO"),
    Hog("memory.py", "memory", "SG", oom_killed=True),
    Hog("shared_memory.py", "shared memory", "SG", oom_killed=True),
    Hog("memfds.py", "memory in files without a name (memfd)", "SG", oom_killed=True),
    Hog("page_cache.py", "page cache", None, output="done\n"),
    Hog("full_disk.py", "full disk", None, output="full\n"),
    Hog("many_files.py", "all inodes", None, output="full\n"),
    Hog("many_descriptors.py", "all descriptors", None),
    Hog("locks.py", "timers, semaphores, queues, inotify watches", None, output="done\n"),
    Hog("flood.py", "flood of stdout", "OL", output=None),
    Hog("flood_of_errors.py", "flood of stderr", "EL", output=None),
    Hog("tiny_writes.py", "a million tiny writes", "OL", output=None),
    Hog("empty_writes.py", "empty writes without end", "TO"),
    Hog("renamed_streams.py", "streams renamed without end", "TO"),
    Hog("spin.py", "spinning on every processor", "TO"),
    Hog("signals.py", "signals to all without end", "TO"),
    Hog("zombies.py", "zombies and orphans", None, output="made\n"),
    Hog("stopped.py", "stopping itself", "TO"),
    Hog("ignored_signals.py", "ignoring every signal", "TO"),
    Hog("no_streams.py", "closing every stream", "TO"),
    Hog("daemon.py", "a daemon that holds the streams", None, output="done\n"),
]
AT_ONCE = 8
SLOWER = 10


def judge(hog: Hog, stage: dict[str, Any]) -> None:
    assert stage["status"] == hog.status, stage
    assert stage.get("oom_killed", False) is hog.oom_killed, stage
    if hog.output is not None:
        assert stage["output"] == hog.output


def one_row(hog: Hog, quick: bool) -> Any:
    outcome = f"eight at once get true verdicts; a concurrent hello is right, and at most {SLOWER} times slower"
    marks = [pytest.mark.attack("program", hog.name, outcome)]
    return pytest.param(hog, id=hog.file, marks=marks if quick else [*marks, pytest.mark.chaos])


@pytest.mark.parametrize("hog", [one_row(hog, quick=hog.file == "flood.py") for hog in HOGS])
@pytest.mark.timeout(600)
def test_concurrent_runs_are_served(serve: Callable[..., Server], hog: Hog) -> None:
    server = serve(pool_size=32, run_timeout=100_000, run_cpu_time=100_000)
    limits = {"run_timeout": 3000} if hog.status == "TO" else {}
    hello(server)
    time.sleep(2)  # until the pool is full again
    idle = statistics.median(hello(server) for _ in range(7))
    slowed: list[float] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while len(slowed) < 5:
            time.sleep(1)
            hogs = [pool.submit(send, server, hog.file, **limits) for _ in range(AT_ONCE)]
            time.sleep(0.1)
            slowed.append(hello(server))
            while not all(it.done() for it in hogs):
                slowed.append(hello(server))
            for it in hogs:
                judge(hog, it.result())
    times = f"{idle * 1000:.0f} ms idle, {[round(it * 1000) for it in slowed]} beside"
    assert statistics.median(slowed) <= SLOWER * idle, times
