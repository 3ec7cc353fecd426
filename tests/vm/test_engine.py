"""Verdicts, limits and isolation on any engine, for docs/engines.md.

The names of the tests are the rows of that page.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest

from bitrun.config.settings import MEBIBYTE, MIN_MEMORY
from tests.attacks.test_programs import HOGS, Hog, judge, send
from tests.support.containers import our_containers
from tests.support.piston import call, request
from tests.support.scale import scaled
from tests.support.server import Server
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(min(scaled(120), 600))]

LIMIT = 64 * MEBIBYTE
PROCESSES = 64  # the default of BITRUN_MAX_PROCESSES


def execute(server: Server, language: str, script: str, **limits: int) -> dict[str, Any]:
    """Run a program and return the whole reply."""
    body = request(language, script, **limits)
    response = call(server, "POST", "/api/v2/execute", body)
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


def run(server: Server, language: str, script: str, **limits: int) -> dict[str, Any]:
    """Run a program and return its stage."""
    stage: dict[str, Any] = execute(server, language, script, **limits)["run"]
    return stage


def output(server: Server, language: str, script: str, **limits: int) -> str:
    """Run a program that must end well, and return its output."""
    stage = run(server, language, script, **limits)
    assert (stage["code"], stage["signal"]) == (0, None), stage
    return str(stage["output"])


def lines(server: Server, script: str, **limits: int) -> list[str]:
    return output(server, "python", script, **limits).splitlines()


# Verdicts


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("python", "print('hello')"),
        ("bash", "echo hello"),
        ("c", '#include <stdio.h>\nint main(void) { puts("hello"); }'),
    ],
    ids=["Python", "Bash", "C"],
)
def test_hello(server: Server, language: str, script: str) -> None:
    assert output(server, language, script) == "hello\n"


def test_50_MB_of_memory_are_measured(server: Server) -> None:  # noqa: N802
    stage = run(server, "python", "print(len(bytearray(b'x') * 50_000_000))")
    assert stage["stdout"] == "50000000\n", stage
    assert 50_000_000 < stage["memory"] < 100_000_000


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("x = []\nwhile True: x.append(b'x' * 10**6)", id="of a process"),
        pytest.param(
            "import os\nwhile True: os.write(os.memfd_create('x'), b'x' * 10**6)", id="in files"
        ),
    ],
)
def test_out_of_memory(server: Server, script: str) -> None:
    stage = run(server, "python", script, run_memory_limit=LIMIT)
    assert (stage["status"], stage["signal"], stage["oom_killed"]) == ("SG", "SIGKILL", True), stage
    assert stage["message"] == "Memory limit exceeded"
    assert LIMIT * 0.9 < stage["memory"] <= LIMIT


def test_out_of_memory_in_a_child(server: Server) -> None:
    hog = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'bytearray(10**9)'])"
    stage = run(server, "python", f"{hog}; sys.exit(5)", run_memory_limit=LIMIT)
    assert (stage["code"], stage["message"]) == (5, "Memory limit exceeded"), stage


def test_a_stage_with_less_memory_than_its_box_holds_does_not_run(server: Server) -> None:
    source = f"/* {'x' * 8_000_000} */\nint main(void) {{ return 0; }}"
    body = request("c", source, run_memory_limit=MIN_MEMORY)
    response = call(server, "POST", "/api/v2/execute", body)
    if response.status_code == 200:
        # The kernel takes a limit below what is used, and makes room.
        stage = response.json()["run"]
        assert (stage["signal"], stage["message"]) == ("SIGKILL", "Memory limit exceeded"), stage
    else:
        # That of cgroup v1 refuses it.
        assert response.status_code == 400, response.text
        assert "too small" in response.json()["message"]


def test_wall_time(server: Server) -> None:
    limit = round(scaled(500))
    stage = run(server, "python", "import time; time.sleep(10_000)", run_timeout=limit)
    assert (stage["status"], stage["signal"]) == ("TO", "SIGKILL"), stage
    assert stage["message"] == "Time limit exceeded (wall clock)"
    assert limit <= stage["wall_time"] <= limit + scaled(50)


def test_CPU_time(server: Server) -> None:  # noqa: N802
    limit = round(scaled(200))
    stage = run(server, "python", "import os; os.fork()\nwhile True: pass", run_cpu_time=limit)
    assert (stage["status"], stage["message"]) == ("TO", "Time limit exceeded"), stage
    assert limit <= stage["cpu_time"] <= limit + scaled(50)


def test_one_processor_at_a_time(server: Server) -> None:
    script = "import os; os.fork(); os.fork()\nwhile True: pass"
    stage = run(server, "python", script, run_timeout=round(scaled(300)))
    assert stage["cpu_time"] <= 1.3 * stage["wall_time"], stage


def test_fork_bomb(server: Server) -> None:
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    stage = run(server, "python", bomb, run_timeout=round(scaled(500)))
    assert (stage["status"], stage["signal"]) == ("TO", "SIGKILL"), stage
    assert output(server, "python", "print('hello')") == "hello\n"


def test_process_limit(server: Server) -> None:
    script = """
import os, time
made = 1
try:
    while os.fork():
        made += 1
    time.sleep(10_000)
except BlockingIOError:
    print(made)
"""
    assert lines(server, script) == [str(PROCESSES)]


def test_a_long_run_makes_way_for_new_ones(server: Server) -> None:
    script = f"""
import os, time
path = "/sys/fs/cgroup/cpu.weight"
path = path if os.path.exists(path) else "/sys/fs/cgroup/cpu/cpu.shares"
read = lambda: int(open(path).read())
first = read()
end = time.monotonic() + {scaled(2)}
while read() == first and time.monotonic() < end:
    time.sleep(0.01)
print(first > read())
"""
    assert lines(server, script) == ["True"]


@pytest.mark.parametrize("hog", [pytest.param(hog, id=hog.file) for hog in HOGS])
def test_exhaustion(share: Callable[..., Server], hog: Hog) -> None:
    server = share(run_timeout=round(scaled(20_000)), run_cpu_time=round(scaled(20_000)))
    limits = {"run_timeout": round(scaled(500))} if hog.status == "TO" else {}
    judge(hog, send(server, hog.file, **limits))
    assert output(server, "bash", "echo hello") == "hello\n"


# Privileges


def test_privileges(server: Server) -> None:
    script = """
import os
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status"))
print(len(set(status["Uid"].split() + status["Gid"].split())), os.getuid() >= 20000, os.getgroups())
print([status[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")])
print(status["NoNewPrivs"], status["Seccomp"])
for become in (os.setuid, os.setgid):
    try:
        become(0)
        print("became root")
    except PermissionError:
        pass
"""
    assert lines(server, script) == ["1 True []", "['', '', '', '']", "1 2"]


def test_AppArmor_confines_a_box(  # noqa: N802
    server: Server, docker_client: docker.APIClient
) -> None:
    if "name=apparmor" not in docker_client.info()["SecurityOptions"]:
        pytest.skip("the engine has no AppArmor")
    printed = lines(server, "print(open('/proc/self/attr/current').read().strip())")
    assert printed == ["docker-default (enforce)"]


def test_read_only_root(server: Server) -> None:
    script = """
import os
for path in ("/new", "/etc/passwd", "/usr/bin/new", "/bitrun/supervisor", "/dev/new", "/root/new"):
    try:
        open(path, "a").close()
        print("can write", path)
    except OSError:
        pass
print(os.statvfs("/").f_flag & os.ST_RDONLY)
for path in ("/proc/sys/kernel/hostname", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max"):
    print(os.access(path, os.W_OK))
"""
    assert lines(server, script) == ["1", "False", "False", "False"]


CALLS = {
    "mount": ("mount(b'none', b'/box', b'tmpfs', 0, None)", "EPERM"),
    "umount": ("umount2(b'/proc', 2)", "EPERM"),
    "unshare": ("unshare(0x10000000)", "EPERM"),
    "setns": ("setns(0, 0)", "EPERM"),
    "ptrace": ("ptrace(0, 0, None, None)", "EPERM"),
    "bpf": ("syscall(321, 0, None, 0)", "EPERM"),
    # As if the kernel had none.
    "io_uring": ("syscall(425, 1, buffer)", "ENOSYS"),
    "userfaultfd": ("syscall(323, 0)", "ENOSYS"),
    "keyctl": ("syscall(250, 0, -3, 0)", "EPERM"),
    "clone3": ("syscall(435, buffer, 64)", "ENOSYS"),
    "perf_event_open": ("syscall(298, buffer, 0, -1, -1, 0)", "EPERM"),
}


def test_seccomp_refuses(server: Server) -> None:
    script = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(256)
for name, (call, expected) in {CALLS!r}.items():
    ctypes.set_errno(0)
    result = eval("libc." + call)
    if result != -1 or errno.errorcode[ctypes.get_errno()] != expected:
        print(name, result, errno.errorcode.get(ctypes.get_errno()))
"""
    assert lines(server, script) == []


def test_no_pseudo_terminal(server: Server) -> None:
    script = """
import os
try:
    os.open("/dev/ptmx", os.O_RDWR)
except OSError as error:
    print(error.strerror, os.listdir("/dev/pts"))
"""
    assert lines(server, script) == ["Permission denied ['ptmx']"]


# Files


def test_files_in_memory_have_a_size(server: Server) -> None:
    script = """
import os
for folder in ("/box", "/tmp"):
    fd, written = os.open(folder + "/large", os.O_WRONLY | os.O_CREAT), 0
    for number in range(100):
        try:
            fd = os.open(f"{folder}/{number}", os.O_WRONLY | os.O_CREAT)
            written += os.write(fd, bytes(1 << 20))
        except OSError as error:
            print(folder, written >> 20, error.strerror)
            break
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
"""
    # The program's own file takes a page.
    assert lines(server, script) == [
        "/box 63 No space left on device",
        "/tmp 64 No space left on device",
    ]


def test_files_in_memory_have_a_number(server: Server) -> None:
    script = """
for folder in ("/box", "/tmp"):
    try:
        for number in range(10_000):
            open(f"{folder}/{number}", "x").close()
    except OSError as error:
        print(folder, 4000 < number < 4096, error.strerror)
"""
    assert lines(server, script) == [
        "/box True No space left on device",
        "/tmp True No space left on device",
    ]


def test_files_in_memory_are_memory_of_the_box(server: Server) -> None:
    script = """
import os
for number in range(100):
    os.write(os.open(f"/tmp/{number}", os.O_WRONLY | os.O_CREAT), bytes(1 << 20))
"""
    stage = run(server, "python", script, run_memory_limit=32 * MEBIBYTE)
    assert (stage["status"], stage["message"]) == ("SG", "Memory limit exceeded"), stage


def test_files_come_and_go(server: Server) -> None:
    body = request("python", "print(open('data/a.txt').read())")
    body["files"].append({"name": "data/a.txt", "content": "é\n" * 100_000})
    response = call(server, "POST", "/api/v2/execute", body)
    assert response.status_code == 200, response.text
    stage = response.json()["run"]
    assert stage["status"] == "OL", stage
    assert stage["stdout"].startswith("é\né\n")


# Networks


def test_no_network(server: Server) -> None:
    script = """
import socket
print([line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]])
for address in ("172.17.0.1", "169.254.169.254", "10.0.2.2"):
    with socket.socket() as one:
        one.settimeout(1)
        print(one.connect_ex((address, 22)) in (101, 113))
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), timeout=5).close()
"""
    assert lines(server, script) == ["['lo']", "True", "True", "True"]


# Both fill buffers of loopback sockets that nobody reads, as far as it goes, to four times the
# limit at most.
_FILL_TCP = f"""
import socket
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
pairs, queued = [], 0
while len(pairs) < 900 and queued < {4 * LIMIT}:
    one = socket.create_connection(server.getsockname(), timeout=10)
    pairs.append((one, server.accept()[0]))
    one.setblocking(False)
    try:
        while True:
            queued += one.send(bytes(65536))
    except BlockingIOError:
        pass
"""
_FILL_UDP = """
import socket
receivers = []
sender = socket.socket(type=socket.SOCK_DGRAM)
sender.setblocking(False)
while len(receivers) < 1500:
    one = socket.socket(type=socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    one.bind(("127.0.0.1", 0))
    receivers.append(one)
    try:
        for _ in range(100):
            sender.sendto(bytes(8000), one.getsockname())
    except OSError:
        pass
queued = sum(int(line.split()[4].split(":")[1], 16) for line in open("/proc/net/udp").readlines()[1:])
"""
_PRINT_CHARGED = """
stat = dict(line.split() for line in open("/sys/fs/cgroup/memory.stat"))
print(queued, stat["sock"], open("/sys/fs/cgroup/memory.peak").read().strip())
"""


@pytest.mark.parametrize("fill", [_FILL_TCP, _FILL_UDP], ids=["TCP", "UDP"])
def test_socket_buffers_are_memory_of_the_box(
    server: Server, docker_client: docker.APIClient, fill: str
) -> None:
    if docker_client.info().get("CgroupVersion") != "2":
        pytest.skip("cgroup v1 charges no socket buffers")
    stage = run(server, "python", fill + _PRINT_CHARGED, run_memory_limit=LIMIT)
    if stage["status"] is None:
        queued, charged, peak = map(int, stage["stdout"].split())
        assert LIMIT / 4 < queued < 1.1 * LIMIT, stage
        assert 0.9 * queued < charged <= peak <= LIMIT, stage
    else:
        assert stage["message"] == "Memory limit exceeded", stage


# Leftovers


def test_a_killed_service_leaves_nothing(
    serve: Callable[..., Server], docker_client: docker.APIClient
) -> None:
    def made() -> set[str]:
        return our_containers(docker_client).keys() - before

    before = our_containers(docker_client).keys()
    server = serve(pool_size=4)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run, server, "bash", "sleep 10000")
        assert wait_until(lambda: len(made()) > 1, scaled(20))
        os.killpg(server.process.pid, signal.SIGKILL)
        with contextlib.suppress(Exception):
            running.result()
    server.process.wait()
    assert wait_until(lambda: not made(), scaled(10)), made()
